// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>

#include "report/runs/report_parts.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::report::runs {
namespace {

/// One line of completions.jsonl.
struct Line {
  std::int64_t step = 0;
  std::string case_id;
  std::string task;
  std::string prompt;
  std::string status;
  double format = 0;
  double answer = 0;
  double advantage = 0;
  Completion completion;
};

Line parse_line(const std::string& text, const std::string& where) {
  const Json object = parse_json_object(text, where);
  const JsonRecord record(object, where);
  Line line;
  line.step = record.integer("step");
  line.case_id = record.text("case_id");
  line.task = record.text_or("task", "");
  line.prompt = record.text_or("prompt", "");
  line.status = record.text_or("status", "");
  line.format = record.number("reward_format");
  line.answer = record.number("reward_task");
  line.advantage = record.number("advantage");
  line.completion = {record.text("completion"),
                     record.number("reward"),
                     formatted("{}; format {:g}, answer {:+g}; advantage {:+.2f}",
                               line.status,
                               line.format,
                               line.answer,
                               line.advantage)};
  return line;
}

/// Steps that the file has, ascending.
std::vector<std::int64_t> steps_of(const std::filesystem::path& path) {
  std::vector<std::int64_t> steps;
  for_each_line(path, [&](const std::string& text, const std::string& where) {
    const Json object = parse_json_object(text, where);
    steps.push_back(JsonRecord(object, where).integer("step"));
  });
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  if (steps.empty()) throw DataError(path.string() + ": no completions");
  return steps;
}

std::int64_t find_step(const std::string& wanted,
                       const std::vector<std::int64_t>& steps,
                       const std::string& path) {
  if (wanted == "first") return steps.front();
  if (wanted == "last") return steps.back();
  const auto step = parse_integer(wanted);
  if (!step) {
    throw ConfigError("rollouts: steps are first, last or a number; got \"" + wanted + "\"");
  }
  if (std::find(steps.begin(), steps.end(), *step) == steps.end()) {
    throw DataError(formatted("{}: no completions of step {}", path, *step));
  }
  return *step;
}

/// The first prompts of a step with all their completions.
std::vector<std::vector<Line>> groups_of(const std::filesystem::path& path,
                                         std::int64_t step,
                                         std::int64_t num) {
  std::vector<std::vector<Line>> groups;
  for_each_line(path, [&](const std::string& text, const std::string& where) {
    Line line = parse_line(text, where);
    if (line.step != step) return;
    const bool is_new = groups.empty() || groups.back().front().case_id != line.case_id;
    if (is_new && std::ssize(groups) == num) return;
    if (is_new) groups.emplace_back();
    groups.back().push_back(std::move(line));
  });
  return groups;
}

void add_group(const std::vector<Line>& lines, Rollouts& rollouts, OrderedJson& numbers) {
  const Line& first = lines.front();
  RolloutGroup group{
      .title = formatted("step {}, {}, case {}", first.step, first.task, first.case_id),
      .prompt = first.prompt};
  OrderedJson completions = OrderedJson::array();
  for (const Line& line : lines) {
    group.completions.push_back(line.completion);
    completions.push_back({{"reward", line.completion.reward},
                           {"reward_format", line.format},
                           {"reward_task", line.answer},
                           {"advantage", line.advantage},
                           {"status", line.status},
                           {"completion", line.completion.text}});
  }
  numbers.push_back({{"step", first.step},
                     {"task", first.task},
                     {"case_id", first.case_id},
                     {"completions", completions}});
  rollouts.groups.push_back(std::move(group));
}

}  // namespace

ReportPart rollout_part(const RolloutSpec& spec) {
  if (spec.completions.empty()) throw ConfigError("rollouts: completions is required");
  if (spec.groups < 1) throw ConfigError("rollouts: groups must be at least 1");
  const auto file = data::file_in(spec.completions, data::kCompletionsFile);
  const std::vector<std::int64_t> steps = steps_of(file);
  Rollouts rollouts;
  OrderedJson groups = OrderedJson::array();
  for (const std::string& wanted : spec.steps) {
    for (const auto& lines :
         groups_of(file, find_step(wanted, steps, file.string()), spec.groups)) {
      add_group(lines, rollouts, groups);
    }
  }
  return {{Paragraph{spec.title}, rollouts}, {{"title", spec.title}, {"groups", groups}}};
}

}  // namespace vragent::report::runs
