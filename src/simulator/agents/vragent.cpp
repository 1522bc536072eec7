// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/vragent.h"

namespace vragent::simulator::agents {

Agent us_agent(chat::ChatModel& model, const AskConfig& config) {
  config.check();
  Agent agent;
  agent.name = "vragent";
  agent.model = model.name();
  agent.backend = model.backend();
  agent.seed = config.seed;
  agent.decide = [&model, config](std::span<const data::Case> cases, std::int64_t repeat) {
    return ask(model, cases, config, repeat);
  };
  return agent;
}

}  // namespace vragent::simulator::agents
