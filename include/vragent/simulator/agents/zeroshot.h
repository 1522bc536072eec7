// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// --agent zeroshot: the baseline of Tables 2, 3 and 6 that is asked once, with the titles of the
// history and nothing else: no captions, no comments.
#pragma once

#include "vragent/chat/chat_model.h"
#include "vragent/simulator/agent.h"
#include "vragent/simulator/agents/asking.h"

namespace vragent::simulator::agents {

/// @param model must outlive the agent. @param config its prompt's item_text and comments are
///   overridden. @throws ConfigError on a wrong config
Agent zeroshot_agent(chat::ChatModel& model, AskConfig config);

}  // namespace vragent::simulator::agents
