// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/score_files.h"

#include <algorithm>
#include <set>

#include "vragent/data/run_dir.h"
#include "vragent/simulator/case_files.h"
#include "vragent/simulator/scoring/score_report.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace fs = std::filesystem;

namespace {

/// Writes the effective configuration into a run folder, unless another command's stands there:
/// scores may lie beside the decisions that they are about.
template <class Config>
void echo_config(const Config& echo, const std::string& command) {
  if (echo.out.empty() || !data::is_run_folder(echo.out)) return;
  const fs::path path = echo.out / data::kEffectiveConfigFile;
  if (fs::exists(path)) {
    const Json object = parse_json_object(read_file(path), path.string());
    if (JsonRecord(object, path.string()).text_or("command", "") != command) return;
  }
  data::begin_run(echo, command);
}

/// The agent of a named file that is no control.
std::string main_agent(const std::vector<NamedDecisions>& agents, const std::string& file) {
  std::string found;
  for (const NamedDecisions& agent : agents) {
    if (agent.decisions.front().model.empty()) continue;
    if (!found.empty()) {
      throw ConfigError(
          formatted("--decisions {}: the file has several agents that asked a model "
                    "({}, {}); leave the name away",
                    file,
                    found,
                    agent.name));
    }
    found = agent.name;
  }
  return found.empty() && agents.size() == 1 ? agents.front().name : found;
}

void check_no_repeat(const NamedDecisions& agent) {
  std::set<std::pair<std::string, std::int64_t>> seen;
  for (const data::Decision& row : agent.decisions) {
    if (seen.emplace(row.case_id, row.repeat).second) continue;
    throw DataError(
        formatted("case {}: {} decided it twice (repeat {}); is a file given twice, or "
                  "do two runs need names of their own (NAME=FILE)?",
                  row.case_id,
                  agent.name,
                  row.repeat));
  }
}

void add_agent(std::vector<NamedDecisions>& agents, NamedDecisions added) {
  const auto found = std::find_if(agents.begin(), agents.end(), [&](const NamedDecisions& agent) {
    return agent.name == added.name;
  });
  if (found == agents.end()) {
    agents.push_back(std::move(added));
    return;
  }
  found->decisions.insert(found->decisions.end(), added.decisions.begin(), added.decisions.end());
  check_no_repeat(*found);
}

void check_inputs(const fs::path& cases, const std::vector<std::string>& decisions) {
  check_given("cases", cases);
  if (decisions.empty()) throw ConfigError("--decisions is required");
  std::int64_t num_stdin = cases == "-" ? 1 : 0;
  for (const std::string& file : decisions) {
    num_stdin += data::parse_named_path(file).path == "-" ? 1 : 0;
  }
  if (num_stdin > 1) throw ConfigError("only one of --cases and --decisions can be stdin");
}

}  // namespace

std::vector<NamedDecisions> load_named_decisions(const std::vector<std::string>& files) {
  std::vector<NamedDecisions> agents;
  for (const std::string& file : files) {
    const data::NamedPath named = data::parse_named_path(file);
    auto loaded =
        split_by_agent(data::load_decisions(data::file_in(named.path, data::kDecisionsFile)));
    const std::string renamed = named.name.empty() ? "" : main_agent(loaded, file);
    for (NamedDecisions& agent : loaded) {
      if (!renamed.empty() && agent.name == renamed) agent.name = named.name;
      add_agent(agents, std::move(agent));
    }
  }
  if (agents.empty()) throw DataError(files.front() + ": no decisions");
  return agents;
}

void ScoreFilesConfig::check() const {
  check_inputs(cases, decisions);
  score.check();
}

Scores score_files(const ScoreFilesConfig& config) {
  config.check();
  // Decisions first: in a pipeline their end says that the case file is written.
  const std::vector<NamedDecisions> agents = load_named_decisions(config.decisions);
  const std::vector<data::Case> cases = load_case_file(config.cases);
  Scores scores = score_agents(cases, agents, config.score);
  if (!config.rows.empty()) {
    LineWriter writer(config.rows, LineWriter::Mode::kReplace);
    for (const std::string& line : scored_lines(cases, agents)) writer.write(line);
  }
  if (!config.out.empty()) {
    write_file(data::output_in(config.out, data::kScoresFile), scores_json(scores));
  }
  echo_config(config, "eval score");
  return scores;
}

void CompareFilesConfig::check() const {
  check_inputs(cases, decisions);
  compare.check();
}

std::vector<PairedDifference> compare_files(const CompareFilesConfig& config) {
  config.check();
  const std::vector<NamedDecisions> agents = load_named_decisions(config.decisions);
  const std::vector<data::Case> cases = load_case_file(config.cases);
  auto differences = compare_agents(cases, agents, config.compare);
  if (!config.out.empty()) {
    write_file(data::output_in(config.out, data::kComparisonFile), comparison_json(differences));
  }
  echo_config(config, "eval compare");
  return differences;
}

}  // namespace vragent::simulator
