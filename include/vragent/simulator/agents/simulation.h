// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `simulate`: a case file through one agent or several, into one file of decisions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vragent/chat/backend_config.h"
#include "vragent/chat/chat_model.h"
#include "vragent/chat/model_sampling.h"
#include "vragent/simulator/agents/asking.h"
#include "vragent/simulator/runner.h"

namespace vragent::simulator::agents {

struct SimulateConfig {
  std::filesystem::path cases;
  std::vector<std::string> agents;
  std::filesystem::path out = "-";
  bool overwrite = false;
  RunConfig run;
  AskConfig ask;
  bool model_sampling = false;  ///< for the record: who calls has put the values into ask.sampling
  chat::BackendConfig backend;

  void visit(auto& v) {
    v("cases", cases, "cases.jsonl of eval make-cases; - is stdin (required)");
    v("agent",
      agents,
      "who answers: vragent, zeroshot (sees titles only, no comments), or the controls random, "
      "always-yes, pop, recscore, antirec; "
      "several are comma-separated");
    v("out", out, "run folder for decisions.jsonl, a file that ends in .jsonl, or - for stdout");
    v("overwrite", overwrite, "replace the decisions that are there");
    run.visit(v);
    ask.visit(v);
    v("model-sampling", model_sampling, chat::kModelSamplingHelp);
    backend.visit(v);
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// What became of one agent.
struct AgentRun {
  std::string agent;
  RunReport report;
};

struct SimulateReport {
  std::int64_t num_cases = 0;
  std::string cases_hash;  ///< of the whole file
  std::vector<AgentRun> agents;
};

/// Makes the model; called once, and only when an agent asks one.
using ModelMaker =
    std::function<std::unique_ptr<chat::ChatModel>(const chat::BackendConfig& config)>;

/// Runs the agents one after the other. A run folder also gets effective_config.json.
/// @throws ConfigError when a resumed run has other settings; Error (73) when there are decisions
///   already and neither --resume nor --overwrite is given, (75) when another process writes there;
///   else as run_cases
SimulateReport simulate(const SimulateConfig& config, const ModelMaker& make_model);

}  // namespace vragent::simulator::agents
