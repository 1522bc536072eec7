// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/tables/run_tables.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "vragent/data/run_dir.h"
#include "vragent/report/tables/run_files.h"
#include "vragent/report/tables/table_values.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::report::runs {
namespace {

/// Where a column of a table stands in the files: "test/hr@10", "judge/accuracy", "3/accuracy".
struct Source {
  const char* column;
  const char* part;
  const char* key;
};

constexpr Source kRankingSources[] = {{"HR@10", "test", "hr@10"},
                                      {"NDCG@10", "test", "ndcg@10"},
                                      {"HR@20", "test", "hr@20"},
                                      {"NDCG@20", "test", "ndcg@20"},
                                      {"HR@10 all", "test", "hr@10"},
                                      {"NDCG@10 all", "test", "ndcg@10"},
                                      {"HR@10 cold", "test_cold", "hr@10"},
                                      {"NDCG@10 cold", "test_cold", "ndcg@10"}};

/// m of judgments is 0.
struct ScoreSource {
  const char* column;
  std::int64_t m;
  const char* rate;
};

constexpr ScoreSource kScoreSources[] = {{"Acc", 0, "accuracy"},
                                         {"Recall", 0, "recall"},
                                         {"Precision", 0, "precision"},
                                         {"F1", 0, "f1"},
                                         {"Acc m=3", 3, "accuracy"},
                                         {"Acc m=4", 4, "accuracy"}};

/// One run's row before runs of the same name are averaged.
struct RunRow {
  OwnRow row;
  std::optional<std::int64_t> seed;
  std::string note;
  std::filesystem::path path;  ///< of a recommender, as it was given
  std::string loss;            ///< of a recommender, as RankingRun has them
  std::string select;
  std::map<std::string, Setting> settings;
};

std::vector<data::NamedPath> named_runs(const TableConfig& config) {
  std::vector<data::NamedPath> runs;
  for (const std::string& text : config.runs) {
    runs.push_back(data::parse_named_path(text));
    if (runs.back().name.empty()) {
      throw ConfigError(formatted("--runs {}: a run wants a row name, NAME={}", text, text));
    }
  }
  return runs;
}

bool names_windows(const RunRow& row) {
  return row.row.protocol.find(", windows ") != std::string::npos;
}

RunRow ranking_row(const data::NamedPath& named, const TableConfig& config) {
  const RankingRun run = load_ranking_run(named.path);
  RunRow made{.row = {.name = named.name, .data = config.data, .protocol = run.protocol},
              .path = named.path,
              .loss = run.loss,
              .select = run.select,
              .settings = load_settings(named.path)};
  if (names_windows(made)) made.settings.erase("interactions");  // compared by what they hold
  made.row.is_control = run.is_counter;
  if (!run.is_counter) made.seed = run.seed;
  for (const std::string& column : published_columns(static_cast<int>(config.id))) {
    for (const Source& source : kRankingSources) {
      if (column != source.column) continue;
      const auto& values = std::string(source.part) == "test" ? run.test : run.test_cold;
      const auto found = values.find(source.key);
      if (found != values.end()) made.row.values.push_back({column, found->second});
    }
  }
  if (run.feedback) {
    made.note = formatted("{}: arm {}, {} items added to {} users; {} were held-out items ({})",
                          named.name,
                          run.feedback->arm,
                          run.feedback->counts.at("inserted"),
                          run.feedback->counts.at("users"),
                          run.feedback->counts.at("held_out"),
                          run.feedback->guard ? "dropped" : "kept");
  }
  return made;
}

OwnRow score_row(const std::string& name,
                 const AgentScores& agent,
                 const TableConfig& config,
                 const std::string& negatives) {
  OwnRow row{.name = name, .data = config.data, .is_control = agent.is_control};
  for (const std::string& column : published_columns(static_cast<int>(config.id))) {
    for (const ScoreSource& source : kScoreSources) {
      if (column != source.column) continue;
      const TaskScore* task = agent.find(negatives, source.m);
      if (task == nullptr) continue;
      const RateValue& rate = task->rates.at(source.rate);
      row.values.push_back({column, rate.value, rate.interval});
    }
  }
  return row;
}

/// The agent that a run's name stands for: the one that asked a model, or the only one.
const AgentScores* main_agent(const ScoresFile& file, const data::NamedPath& named) {
  const AgentScores* found = file.agents.size() == 1 ? &file.agents.front() : nullptr;
  for (const AgentScores& agent : file.agents) {
    if (agent.is_control) continue;
    if (found != nullptr && found != &agent) {
      throw ConfigError(
          formatted("--runs {}={}: the file has several agents that asked a model "
                    "({}, {}); score them apart",
                    named.name,
                    named.path,
                    found->agent,
                    agent.agent));
    }
    found = &agent;
  }
  return found;
}

/// Rows of all runs: agents first; of equal controls in several files one is kept.
std::vector<RunRow> score_rows(const TableConfig& config) {
  const std::vector<data::NamedPath> runs = named_runs(config);
  std::vector<ScoresFile> files;
  for (const data::NamedPath& named : runs) files.push_back(load_scores(named.path));
  const std::string negatives = choose_negatives(files, config.negatives, "--runs");
  std::vector<RunRow> rows;
  std::vector<RunRow> control_rows;
  std::vector<AgentScores> controls;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string protocol = formatted(
        "{} cases ({}), negatives {}", files[i].num_cases, files[i].cases_hash, negatives);
    const AgentScores* main = main_agent(files[i], runs[i]);
    for (const AgentScores& agent : files[i].agents) {
      const bool is_main = &agent == main;
      if (!is_main && std::find(controls.begin(), controls.end(), agent) != controls.end())
        continue;
      RunRow made{.row = score_row(is_main ? runs[i].name : agent.agent, agent, config, negatives)};
      made.row.protocol = protocol;
      if (agent.num_missing > 0)
        made.note = formatted(
            "{}: {} cases without a decision are left out", made.row.name, agent.num_missing);
      (is_main ? rows : control_rows).push_back(made);
      if (!is_main) controls.push_back(agent);
    }
  }
  rows.insert(rows.end(), control_rows.begin(), control_rows.end());
  return rows;
}

std::vector<RunRow> run_rows(const TableConfig& config) {
  if (config.id == 2 || config.id == 6) return score_rows(config);
  std::vector<RunRow> rows;
  for (const data::NamedPath& named : named_runs(config)) {
    rows.push_back(ranking_row(named, config));
  }
  return rows;
}

/// The parts of a protocol's text that another's lacks.
std::string parts_not_in(const std::string& protocol, const std::string& other) {
  const auto parts_of = [](std::string text) {
    std::replace(text.begin(), text.end(), ';', ',');
    std::vector<std::string> parts;
    for (const std::string_view part : split(text, ',')) parts.emplace_back(trim(part));
    return parts;
  };
  const std::vector<std::string> others = parts_of(other);
  std::string text;
  for (const std::string& part : parts_of(protocol)) {
    if (std::find(others.begin(), others.end(), part) == others.end())
      text += (text.empty() ? "" : ", ") + part;
  }
  return text.empty() ? "nothing of it" : text;
}

/// @throws DataError when two runs were not measured in the same way
void check_protocols(const std::vector<RunRow>& rows) {
  for (const RunRow& row : rows) {
    if (row.row.protocol == rows.front().row.protocol) continue;
    throw DataError(
        formatted("runs '{}' and '{}' were measured in different ways ({} | {}) and "
                  "cannot stand in one table{}",
                  rows.front().row.name,
                  row.row.name,
                  parts_not_in(rows.front().row.protocol, row.row.protocol),
                  parts_not_in(row.row.protocol, rows.front().row.protocol),
                  names_windows(rows.front()) == names_windows(row)
                      ? ""
                      : " (one is of an older version, which named no windows: run it again)"));
  }
}

std::string or_not_named(const std::string& text) {
  return text.empty() ? "not named" : text;
}

/// Files by what they held where both runs say it.
bool are_same(const Setting& a, const Setting& b) {
  const bool both_say = !a.content.empty() && !b.content.empty();
  return both_say ? a.content == b.content : a.compared == b.compared;
}

/// "width 8 | 16; ...": settings that both have, with different values. Where there are none, or
/// one has no config.json, loss and selection metric.
std::string differences(const RunRow& a, const RunRow& b) {
  std::string text;
  const auto add = [&](const std::string& key, const std::string& one, const std::string& other) {
    text += formatted("{}{} {} | {}", text.empty() ? "" : "; ", key, one, other);
  };
  for (const auto& [key, setting] : a.settings) {
    const auto found = b.settings.find(key);
    if (found != b.settings.end() && !are_same(setting, found->second)) {
      add(key, setting.text, found->second.text);
    }
  }
  if (!text.empty()) return text;
  if (a.loss != b.loss) add("loss", or_not_named(a.loss), or_not_named(b.loss));
  if (a.select != b.select) add("select", or_not_named(a.select), or_not_named(b.select));
  return text;
}

constexpr const char* kOneName =
    "runs of one name are averaged over their seeds, others want names of their own";

/// @throws DataError when two runs of one name differ in more than their seed
void check_settings(const std::vector<RunRow>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      if (rows[i].row.name != rows[j].row.name) continue;
      const std::string text = differences(rows[i], rows[j]);
      if (text.empty()) continue;
      throw DataError(formatted("runs '{}={}' and '{}={}' differ in more than their seed ({}): {}",
                                rows[i].row.name,
                                rows[i].path,
                                rows[j].row.name,
                                rows[j].path,
                                text,
                                kOneName));
    }
  }
}

/// A run that was given twice is no second one, whether it has a seed or none.
void check_seeds(const std::vector<RunRow>& rows) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const RunRow& row : rows) {
    if (row.path.empty()) continue;  // of simulated users
    const auto file =
        std::filesystem::weakly_canonical(data::file_in(row.path, data::kMetricsFile)).string();
    const std::string what =
        row.seed ? formatted("have seed {}", *row.seed) : formatted("are the same file {}", file);
    if (seen.emplace(row.row.name, what).second) continue;
    throw DataError(formatted("two runs named '{}' {}: {}", row.row.name, what, kOneName));
  }
}

/// "Loss softmax; selection valid hr@10: SASRec, GRU4Rec.", a note for each pair.
std::vector<std::string> training_notes(const std::vector<RunRow>& rows) {
  std::vector<std::pair<std::string, std::string>> groups;  // a pair and its rows
  std::set<std::string> names;
  for (const RunRow& row : rows) {
    if (row.path.empty() || row.row.is_control || !names.insert(row.row.name).second) continue;
    const std::string text =
        formatted("Loss {}; selection {}", or_not_named(row.loss), or_not_named(row.select));
    const auto found = std::find_if(
        groups.begin(), groups.end(), [&](const auto& group) { return group.first == text; });
    if (found == groups.end()) {
      groups.emplace_back(text, row.row.name);
    } else {
      found->second += ", " + row.row.name;
    }
  }
  std::vector<std::string> notes;
  for (const auto& [text, of_rows] : groups) notes.push_back(text + ": " + of_rows);
  return notes;
}

/// What config.json of some runs of a name lacks, which are of another version of the program.
std::vector<std::string> version_notes(const std::vector<RunRow>& rows) {
  std::map<std::string, std::int64_t> num_runs;
  std::map<std::string, std::map<std::string, std::vector<std::string>>> texts;  // by name and key
  for (const RunRow& row : rows) {
    if (!row.settings.empty()) ++num_runs[row.row.name];
    for (const auto& [key, setting] : row.settings) {
      texts[row.row.name][key].push_back(setting.text);
    }
  }
  std::vector<std::string> notes;
  for (const auto& [name, keys] : texts) {
    std::string lacking;
    for (const auto& [key, of_runs] : keys) {
      if (std::ssize(of_runs) == num_runs[name]) continue;
      lacking += formatted("{}{} {}", lacking.empty() ? "" : ", ", key, of_runs.front());
    }
    if (lacking.empty()) continue;
    notes.push_back(
        formatted("{}: config.json of some of its runs, which are of another version, does not say "
                  "what that of the others does ({})",
                  name,
                  lacking));
  }
  return notes;
}

std::vector<std::string> notes_of(const std::vector<RunRow>& rows) {
  std::vector<std::string> notes = training_notes(rows);
  std::set<std::string> seen;
  for (const RunRow& row : rows) {
    if (!row.note.empty() && seen.insert(row.note).second) notes.push_back(row.note);
  }
  for (const std::string& note : version_notes(rows)) notes.push_back(note);
  return notes;
}

std::vector<OwnRow> averaged_rows(const std::vector<RunRow>& rows, bool with_intervals) {
  std::vector<std::string> names;
  for (const RunRow& row : rows) {
    if (std::find(names.begin(), names.end(), row.row.name) == names.end()) {
      names.push_back(row.row.name);
    }
  }
  std::vector<OwnRow> averaged;
  for (const std::string& name : names) {
    std::vector<OwnRow> same;
    for (const RunRow& row : rows) {
      if (row.row.name == name) same.push_back(row.row);
    }
    averaged.push_back(average_of(same));
    if (with_intervals) continue;
    for (OwnValue& value : averaged.back().values) value.interval.reset();
  }
  return averaged;
}

}  // namespace

void TableConfig::check() const {
  if (id != 1 && id != 2 && id != 4 && id != 5 && id != 6) {
    throw ConfigError(formatted("--id must be 1, 2, 4, 5 or 6; got {}", id));
  }
  if (runs.empty()) throw ConfigError("--runs is required");
  check_given("data", data);
}

RunTable build_table(const TableConfig& config) {
  config.check();
  const std::vector<RunRow> rows = run_rows(config);
  check_protocols(rows);
  check_settings(rows);
  check_seeds(rows);
  RunTable table{.id = config.id, .has_published = config.published};
  const auto shown = averaged_rows(rows, config.intervals);
  table.rows = averaged_rows(rows, true);
  const int id = static_cast<int>(config.id);
  table.marked = config.published ? beside_published(id, shown) : own_table(id, shown);
  for (const std::string& note : notes_of(rows)) table.marked.table.notes.push_back(note + ".");
  return table;
}

}  // namespace vragent::report::runs
