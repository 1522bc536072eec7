// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/by_name.h"

#include <algorithm>

#include "vragent/simulator/agents/controls.h"
#include "vragent/simulator/agents/vragent.h"
#include "vragent/simulator/agents/zeroshot.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::simulator::agents {

std::vector<std::string> agent_names() {
  std::vector<std::string> names = {"vragent", "zeroshot"};
  const auto controls = control_names();
  names.insert(names.end(), controls.begin(), controls.end());
  return names;
}

bool needs_model(const std::string& name) {
  check_one_of("agent", name, agent_names());
  const auto controls = control_names();
  return std::find(controls.begin(), controls.end(), name) == controls.end();
}

Agent make_agent(const std::string& name,
                 chat::ChatModel* model,
                 const std::vector<data::Case>& cases,
                 const AskConfig& config) {
  if (!needs_model(name)) return control_agent(name, cases, config.seed);
  if (model == nullptr) throw ConfigError("--agent " + name + " needs a --model or a --backend");
  return name == "vragent" ? us_agent(*model, config) : zeroshot_agent(*model, config);
}

}  // namespace vragent::simulator::agents
