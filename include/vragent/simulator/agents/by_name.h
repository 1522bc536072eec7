// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// --agent NAME -> agent.
#pragma once

#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/data/cases.h"
#include "vragent/simulator/agent.h"
#include "vragent/simulator/agents/asking.h"

namespace vragent::simulator::agents {

/// All names: agents that ask a model, then the controls.
std::vector<std::string> agent_names();

/// Whether the agent asks a model. @throws ConfigError on an unknown name
bool needs_model(const std::string& name);

/// @param model needed when needs_model(name); must outlive the agent
/// @param cases the whole file (see control_agent)
/// @throws ConfigError on an unknown name, a missing model, a wrong config
Agent make_agent(const std::string& name,
                 chat::ChatModel* model,
                 const std::vector<data::Case>& cases,
                 const AskConfig& config);

}  // namespace vragent::simulator::agents
