// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// --agent vragent: the paper's user simulation agent. History as captions with comments, one
// question, reasoning before the answer. Trained or not is a matter of the model.
#pragma once

#include "vragent/chat/chat_model.h"
#include "vragent/simulator/agent.h"
#include "vragent/simulator/agents/asking.h"

namespace vragent::simulator::agents {

/// @param model must outlive the agent. @throws ConfigError on a wrong config
Agent us_agent(chat::ChatModel& model, const AskConfig& config);

}  // namespace vragent::simulator::agents
