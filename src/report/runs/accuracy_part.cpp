// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>
#include <set>

#include "report/runs/report_parts.h"
#include "vragent/report/page/svg_chart.h"
#include "vragent/report/tables/run_files.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::report::runs {
namespace {

/// An agent under the name it is shown with.
struct ShownAgent {
  std::string name;
  AgentScores scores;
};

/// What is asked: judgments (m = 0) or selections among m + 1.
struct Question {
  std::int64_t m = 0;

  [[nodiscard]] std::string label() const { return m == 0 ? "judge" : formatted("select m={}", m); }

  [[nodiscard]] double chance() const { return m == 0 ? 0.5 : 1.0 / static_cast<double>(m + 1); }
};

/// Agents first, then each control once.
std::vector<ShownAgent> shown_agents(const std::vector<data::NamedPath>& named,
                                     const std::vector<ScoresFile>& files) {
  std::vector<ShownAgent> agents;
  std::vector<ShownAgent> controls;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto num_models =
        std::count_if(files[i].agents.begin(), files[i].agents.end(), [](const AgentScores& agent) {
          return !agent.is_control;
        });
    for (const AgentScores& agent : files[i].agents) {
      if (!agent.is_control) {
        agents.push_back(
            {num_models > 1 ? named[i].name + " " + agent.agent : named[i].name, agent});
        continue;
      }
      const bool is_there = std::any_of(
          controls.begin(), controls.end(), [&](const ShownAgent& c) { return c.scores == agent; });
      if (!is_there) controls.push_back({agent.agent, agent});
    }
  }
  agents.insert(agents.end(), controls.begin(), controls.end());
  return agents;
}

std::vector<Question> questions_of(const std::vector<ShownAgent>& agents,
                                   const std::string& negatives) {
  std::set<std::int64_t> sizes;
  for (const ShownAgent& agent : agents) {
    for (const TaskScore& task : agent.scores.tasks) {
      if (task.negatives == negatives) sizes.insert(task.m);
    }
  }
  std::vector<Question> questions;
  for (const std::int64_t m : sizes) questions.push_back({m});
  return questions;
}

const RateValue* accuracy_of(const ShownAgent& agent,
                             const std::string& negatives,
                             const Question& question) {
  const TaskScore* task = agent.scores.find(negatives, question.m);
  return task == nullptr ? nullptr : &task->rates.at("accuracy");
}

BarChart bar_chart(const std::vector<ShownAgent>& agents,
                   const std::vector<Question>& questions,
                   const std::string& negatives) {
  BarChart chart{.y_label = "share of right answers", .reference_label = "chance", .y_max = 1.0};
  for (const Question& question : questions) {
    chart.groups.push_back(question.label());
    chart.references.emplace_back(question.chance());
  }
  for (const ShownAgent& agent : agents) {
    if (agent.scores.is_control) continue;
    BarSeries series{.name = agent.name, .bars = {}};
    for (const Question& question : questions) {
      const RateValue* rate = accuracy_of(agent, negatives, question);
      series.bars.push_back(rate == nullptr ? std::nullopt
                                            : std::optional<Bar>(Bar{rate->value, rate->interval}));
    }
    chart.series.push_back(series);
  }
  return chart;
}

IntervalChart interval_chart(const std::vector<ShownAgent>& agents,
                             const std::vector<Question>& questions,
                             const std::string& negatives) {
  IntervalChart chart{.x_label = "accuracy, 95 % interval",
                      .rows = {},
                      .kinds = {"agents", "controls"},
                      .reference_label = "chance"};
  for (const Question& question : questions) {
    chart.rows.push_back({.label = question.label()});
    for (const ShownAgent& agent : agents) {
      const RateValue* rate = accuracy_of(agent, negatives, question);
      if (rate == nullptr) continue;
      chart.rows.push_back({.label = agent.name,
                            .value = rate->value,
                            .interval = rate->interval,
                            .reference = question.chance(),
                            .kind = agent.scores.is_control ? 1U : 0U});
    }
  }
  return chart;
}

OrderedJson agent_numbers(const ShownAgent& agent,
                          const std::vector<Question>& questions,
                          const std::string& negatives) {
  OrderedJson accuracy = OrderedJson::object();
  for (const Question& question : questions) {
    const TaskScore* task = agent.scores.find(negatives, question.m);
    if (task == nullptr) continue;
    const RateValue& rate = task->rates.at("accuracy");
    OrderedJson value = {{"value", rate.value}};
    if (rate.interval) {
      value["low"] = rate.interval->low;
      value["high"] = rate.interval->high;
    }
    value["num_cases"] = task->num_cases;
    value["chance"] = question.chance();
    accuracy[question.label()] = value;
  }
  return {{"name", agent.name},
          {"kind", agent.scores.is_control ? "control" : "agent"},
          {"accuracy", accuracy}};
}

}  // namespace

ReportPart accuracy_part(const AccuracySpec& spec) {
  const auto named = named_paths(spec.scores, "accuracy: scores");
  std::vector<ScoresFile> files;
  for (const data::NamedPath& path : named) {
    files.push_back(load_scores(path.path));
    if (files.back().cases_hash != files.front().cases_hash) {
      throw DataError(formatted("accuracy: {} and {} are scores on different cases ({}, {})",
                                named.front().name,
                                path.name,
                                files.front().cases_hash,
                                files.back().cases_hash));
    }
  }
  const std::string negatives = choose_negatives(files, spec.negatives, "accuracy");
  const std::vector<ShownAgent> agents = shown_agents(named, files);
  const std::vector<Question> questions = questions_of(agents, negatives);
  BarChart bars = bar_chart(agents, questions, negatives);
  IntervalChart intervals = interval_chart(agents, questions, negatives);
  bars.title = spec.title;
  intervals.title = spec.title + ": agents and label-free controls";
  FigureGrid grid;
  if (!bars.series.empty()) grid.figures.push_back({to_svg(bars), spec.caption});
  grid.figures.push_back({to_svg(intervals), bars.series.empty() ? spec.caption : ""});
  OrderedJson list = OrderedJson::array();
  for (const ShownAgent& agent : agents) list.push_back(agent_numbers(agent, questions, negatives));
  return {{grid},
          {{"title", spec.title},
           {"cases_hash", files.front().cases_hash},
           {"negatives", negatives},
           {"agents", list}}};
}

}  // namespace vragent::report::runs
