// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/zeroshot.h"

#include "vragent/simulator/agents/vragent.h"

namespace vragent::simulator::agents {

Agent zeroshot_agent(chat::ChatModel& model, AskConfig config) {
  config.prompt.item_text = "title";
  config.prompt.comments = false;
  Agent agent = us_agent(model, config);  // the same questions: what differs is what is shown
  agent.name = "zeroshot";
  return agent;
}

}  // namespace vragent::simulator::agents
