// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/simulation.h"

#include <algorithm>
#include <optional>
#include <set>

#include "vragent/data/cases.h"
#include "vragent/data/run_dir.h"
#include "vragent/simulator/agents/by_name.h"
#include "vragent/simulator/case_files.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::simulator::agents {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMayDiffer =
    "cases,agent,out,overwrite,resume,limit,shard,repeats,batch-size,device,threads";

void check_free(const fs::path& file, const SimulateConfig& config) {
  if (file == "-" || config.run.resume || config.overwrite || !fs::exists(file)) return;
  throw Error(ExitCode::kCannotCreate,
              formatted("{}: is there already; go on with --resume, replace it with --overwrite, "
                        "or choose another --out",
                        file));
}

/// The decisions must not replace the cases.
void check_apart(const fs::path& file, const fs::path& cases) {
  std::error_code none;
  if (file != "-" && cases != "-" && fs::equivalent(file, cases, none))
    throw ConfigError(formatted("--out would replace the cases in {}", cases));
}

}  // namespace

void SimulateConfig::check() const {
  check_given("cases", cases);
  check_given("out", out);
  if (agents.empty()) throw ConfigError("--agent is required");
  for (const std::string& name : agents) needs_model(name);
  if (std::set(agents.begin(), agents.end()).size() != agents.size()) {
    throw ConfigError("--agent names one agent twice");
  }
  if (run.resume && overwrite) throw ConfigError("--resume and --overwrite exclude each other");
  if (run.resume && out == "-") throw ConfigError("--resume needs a file; --out is stdout");
  if (model_sampling && backend.backend != "native")
    throw ConfigError("--model-sampling needs --backend native: it reads a model's folder");
  check_range("threads", static_cast<double>(backend.threads), 0, 4096);
  run.check();
  ask.check();
}

SimulateReport simulate(const SimulateConfig& config, const ModelMaker& make_model) {
  config.check();
  const fs::path file = data::output_in(config.out, data::kDecisionsFile);
  const std::vector<data::Case> cases = load_case_file(config.cases);
  std::optional<FolderLock> lock;
  if (data::is_run_folder(config.out)) lock.emplace(config.out);
  check_apart(file, data::file_in(config.cases, data::kCasesFile));
  check_free(file, config);
  if (lock) {
    SimulateConfig echo = config;
    if (SimulateConfig defaults; config.run.resume)
      data::check_same_config(config.out, options_of(echo), options_of(defaults), kMayDiffer);
    data::begin_run(config, "simulate");
  }
  const bool asks = std::any_of(config.agents.begin(), config.agents.end(), needs_model);
  const std::unique_ptr<chat::ChatModel> model = asks ? make_model(config.backend) : nullptr;
  SimulateReport report{std::ssize(cases), data::hash_cases(cases), {}};
  RunConfig run = config.run;
  for (const std::string& name : config.agents) {
    const Agent agent = make_agent(name, model.get(), cases, config.ask);
    report.agents.push_back({name, run_cases(cases, agent, run, file)});
    run.resume = true;  // the next agent's decisions stand behind these
  }
  return report;
}

}  // namespace vragent::simulator::agents
