// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/tables/run_files.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>

#include "vragent/data/run_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::report::runs {
namespace fs = std::filesystem;

namespace {

/// Keys of config.json that may differ between runs that differ in their seed only. A run that has
/// ended well under on-nan "stop" had no step that "skip" would have left out; the feedback of a
/// seed may be about lists of its own.
constexpr std::string_view kOfNoResult[] = {"seed",
                                            "out",
                                            "resume",
                                            "overwrite",
                                            "dry-run",
                                            "device",
                                            "threads",
                                            "save-every",
                                            "feedback",
                                            "feedback-lists",
                                            "on-nan",
                                            "vector-cache",
                                            "top-k",
                                            "top-k-splits",
                                            "candidates"};

std::map<std::string, double> numbers_of(const Json& object) {
  std::map<std::string, double> numbers;
  for (const auto& [name, value] : object.items()) {
    if (value.is_number()) numbers[name] = value.get<double>();
  }
  return numbers;
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

std::string plain_or_empty(const Json& object, const char* key) {
  return object.contains(key) ? plain(object.at(key)) : "";
}

/// `value` with texts as paths from the root, which two spellings of one path share.
Json with_whole_paths(const Json& value) {
  if (value.is_array()) {
    Json whole = Json::array();
    for (const Json& part : value) whole.push_back(with_whole_paths(part));
    return whole;
  }
  if (!value.is_string() || value.get<std::string>().empty()) return value;
  std::error_code error;
  const fs::path path = fs::weakly_canonical(fs::current_path() / value.get<std::string>(), error);
  if (error) return value;
  return (path.has_filename() ? path : path.parent_path()).string();
}

void add_settings(const Json& object,
                  const std::string& prefix,
                  std::map<std::string, Setting>& settings) {
  for (const auto& [name, value] : object.items()) {
    const std::string key = prefix + name;
    if (value.is_object()) {
      add_settings(value, key + ".", settings);
    } else if (std::find(std::begin(kOfNoResult), std::end(kOfNoResult), key) ==
               std::end(kOfNoResult)) {
      settings[key] = {dump_json(value), dump_json(with_whole_paths(value))};
    }
  }
}

/// "ranking full, masked history, ...; 1500 users, 300 cold, 1200 items, windows 0123456789abcdef".
std::string protocol_text(const JsonRecord& metrics) {
  std::string text;
  for (const auto& [key, value] : metrics.object("protocol").items()) {
    if (key == "seed" || key == "loss" || key == "select") continue;  // of the row
    text += (text.empty() ? "" : ", ") + key + " " + plain(value);
  }
  const JsonRecord counts(metrics.object("counts"), metrics.where() + ": counts");
  text += formatted("; {} users, {} of them cold, {} items",
                    counts.integer("users"),
                    counts.integer("cold_users"),
                    counts.integer("items"));
  return counts.has("windows") ? text + ", windows " + counts.text("windows") : text;
}

FeedbackSummary feedback_of(const JsonRecord& record) {
  FeedbackSummary feedback;
  feedback.arm = record.text("arm");
  feedback.guard = record.boolean_or("guard", true);
  for (const char* name :
       {"users", "inserted", "answered_yes", "held_out", "unknown", "unanswered"})
    feedback.counts[name] = record.integer_or(name, 0);
  return feedback;
}

RateValue rate_of(const JsonRecord& record) {
  RateValue rate{record.number("value"), std::nullopt};
  const auto low = record.number_or_null("low");
  const auto high = record.number_or_null("high");
  if (low && high) rate.interval = metrics::Interval{*low, *high};
  return rate;
}

TaskScore task_of(const Json& object, const std::string& where, bool is_judge) {
  const JsonRecord record(object, where);
  TaskScore task;
  task.negatives = record.text("negatives");
  task.m = is_judge ? 0 : record.integer("m");
  task.num_cases = record.integer("num_cases");
  const std::vector<const char*> names =
      is_judge ? std::vector<const char*>{"accuracy", "precision", "recall", "f1"}
               : std::vector<const char*>{"accuracy"};
  for (const char* name : names) {
    task.rates[name] = rate_of(JsonRecord(record.object(name), where + ": " + name));
  }
  return task;
}

AgentScores agent_of(const Json& object, const std::string& path) {
  const JsonRecord record(object, path + ": agents");
  AgentScores scores;
  scores.agent = record.text("agent");
  scores.is_control = record.text_or("model", "").empty();
  scores.num_missing = record.integer_or("num_missing", 0);
  const std::string where = path + ": agent " + scores.agent;
  for (const Json& judge : record.array("judge")) {
    scores.tasks.push_back(task_of(judge, where, true));
  }
  for (const Json& select : record.array("select")) {
    scores.tasks.push_back(task_of(select, where, false));
  }
  return scores;
}

}  // namespace

RankingRun load_ranking_run(const fs::path& path) {
  const std::string file = data::file_in(path, data::kMetricsFile).string();
  const Json object = parse_json_object(read_file(file), file);
  const JsonRecord record(object, file);
  RankingRun run;
  run.test = numbers_of(record.object("test"));
  run.test_cold = numbers_of(record.object("test_cold"));
  run.protocol = protocol_text(record);
  const JsonRecord protocol(record.object("protocol"), file);
  run.loss = plain_or_empty(record.object("protocol"), "loss");
  run.select = plain_or_empty(record.object("protocol"), "select");
  run.is_counter = run.loss == "none";
  if (protocol.has("seed")) run.seed = protocol.integer("seed");
  if (record.has("feedback")) {
    run.feedback = feedback_of(JsonRecord(record.object("feedback"), file + ": feedback"));
  }
  return run;
}

std::map<std::string, Setting> load_settings(const fs::path& path) {
  const fs::path folder = data::file_in(path, data::kMetricsFile).parent_path();
  const fs::path file = folder / data::kConfigFile;
  std::map<std::string, Setting> settings;
  if (fs::exists(file)) {
    add_settings(parse_json_object(read_file(file), file.string()), "", settings);
  }
  const fs::path inputs = folder / data::kInputsFile;
  if (!fs::exists(inputs)) return settings;
  const Json contents = parse_json_object(read_file(inputs), inputs.string());
  for (auto& [key, setting] : settings) {  // files are compared by what they held
    if (contents.contains(key)) setting.content = plain(contents.at(key));
  }
  return settings;
}

const TaskScore* AgentScores::find(const std::string& negatives, std::int64_t m) const {
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const TaskScore& task) {
    return task.negatives == negatives && task.m == m;
  });
  return found == tasks.end() ? nullptr : &*found;
}

ScoresFile load_scores(const fs::path& path) {
  const std::string file = data::file_in(path, data::kScoresFile).string();
  const Json object = parse_json_object(read_file(file), file);
  const JsonRecord record(object, file);
  ScoresFile scores{record.text("cases_hash"), record.integer("num_cases"), {}};
  for (const Json& agent : record.array("agents")) scores.agents.push_back(agent_of(agent, file));
  return scores;
}

std::string choose_negatives(const std::vector<ScoresFile>& files,
                             const std::string& wanted,
                             const std::string& where) {
  std::set<std::string> kinds;
  for (const ScoresFile& file : files) {
    for (const AgentScores& agent : file.agents) {
      for (const TaskScore& task : agent.tasks) kinds.insert(task.negatives);
    }
  }
  std::string list;
  for (const std::string& kind : kinds) list += (list.empty() ? "" : ", ") + kind;
  const std::string chosen = wanted.empty() && kinds.size() != 1 ? "topk" : wanted;
  if (chosen.empty()) return *kinds.begin();
  if (kinds.contains(chosen)) return chosen;
  throw DataError(formatted("{}: no scores with negatives {}; there are: {}",
                            where,
                            chosen,
                            list.empty() ? "none" : list));
}

}  // namespace vragent::report::runs
