// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/evaluation.h"

#include <algorithm>
#include <optional>
#include <set>

#include "vragent/data/formats/item_reader.h"
#include "vragent/data/run_dir.h"
#include "vragent/simulator/score_report.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"

namespace vragent::simulator {
namespace fs = std::filesystem;

namespace {

data::Catalogue load_catalogue(const MakeCasesConfig& config) {
  data::Catalogue catalogue;
  if (!config.items.empty()) catalogue = data::formats::load_items(config.items);
  if (!config.captions.empty()) {
    data::add_captions(catalogue, data::file_in(config.captions, data::kCaptionsFile));
  }
  return catalogue;
}

/// Whether the cases show the train part only, so that lists of the test history know too much.
bool wants_early_lists(const CaseConfig& config) {
  const auto& tasks = config.tasks;
  return config.split == "valid" ||
         std::find(tasks.begin(), tasks.end(), "feedback") != tasks.end();
}

std::unordered_map<std::string, data::TopK> load_lists(const MakeCasesConfig& config) {
  const bool early = wants_early_lists(config.cases);
  const fs::path file = data::file_in(config.topk, early ? data::kValidTopKFile : data::kTopKFile);
  if (early && file.filename() == data::kTopKFile) {
    log::warn(
        "{}: lists of this name are made for the test split and have seen the video that "
        "these cases hold out; use {}",
        file,
        data::kValidTopKFile);
  }
  return data::load_top_k(file);
}

/// A whole file at once; stdout line by line.
void write_lines(const fs::path& file, const std::vector<std::string>& lines) {
  if (file != "-") {
    write_file(file, joined_lines(lines));
    return;
  }
  LineWriter writer(file, LineWriter::Mode::kReplace);
  for (const std::string& line : lines) writer.write(line);
}

std::vector<std::string> lines_of(const std::vector<data::Case>& cases) {
  std::vector<std::string> lines;
  for (const data::Case& row : cases) lines.push_back(data::to_line(row));
  return lines;
}

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

std::vector<data::Case> load_case_file(const fs::path& path) {
  std::vector<data::Case> cases = data::load_cases(data::file_in(path, data::kCasesFile));
  if (cases.empty()) throw DataError(path.string() + ": no cases");
  return cases;
}

void MakeCasesConfig::check() const {
  check_given("out", out);
  check_given("interactions", interactions);
  if (items.empty() && captions.empty()) throw ConfigError("--items or --captions is required");
  reading.check();
  cases.check();
  protocol.check();
}

CaseSet make_case_file(const MakeCasesConfig& config) {
  config.check();
  const std::filesystem::path file = data::output_in(config.out, data::kCasesFile);
  if (file != "-" && !config.overwrite && std::filesystem::exists(file)) {
    throw Error(ExitCode::kCannotCreate,
                formatted("{}: is there already, and answers may refer to it; replace it with "
                          "--overwrite, or choose another --out",
                          file));
  }
  const data::Sequences sequences =
      data::formats::load_sequences(config.interactions, config.reading, config.protocol);
  const data::Catalogue catalogue = load_catalogue(config);
  std::optional<data::Comments> comments;
  if (!config.comments.empty()) comments = data::Comments::load(config.comments);
  std::optional<std::unordered_map<std::string, data::TopK>> lists;
  if (!config.topk.empty()) lists = load_lists(config);
  const CaseSources sources{
      sequences, catalogue, comments ? &*comments : nullptr, lists ? &*lists : nullptr};
  CaseSet set = make_cases(sources, config.cases);
  if (set.cases.empty()) {
    throw DataError(formatted(
        "{}: no user has cases ({} could be drawn)", config.interactions, set.num_eligible));
  }
  std::optional<FolderLock> lock;
  if (data::is_run_folder(config.out)) lock.emplace(config.out);
  echo_config(config, "eval make-cases");
  write_lines(file, lines_of(set.cases));
  if (lock) write_file(config.out / data::kUsersFile, joined_lines(set.user_ids));
  return set;
}

std::vector<std::pair<std::string, std::int64_t>> counts_of(const CaseSet& set) {
  const auto num_select = std::count_if(set.cases.begin(), set.cases.end(), [](const auto& row) {
    return row.task == data::Task::kSelect;
  });
  return {{"cases", std::ssize(set.cases)},
          {"judge", std::ssize(set.cases) - num_select},
          {"select", num_select},
          {"users", std::ssize(set.user_ids)},
          {"eligible", set.num_eligible},
          {"excluded", set.num_excluded},
          {"without_list", set.num_without_list},
          {"few_negatives", set.num_few_negatives},
          {"without_text", set.num_without_text},
          {"repeated_targets", set.num_repeated_targets}};
}

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
  if (!config.rows.empty()) write_lines(config.rows, scored_lines(cases, agents));
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
