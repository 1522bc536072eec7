// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/scoring.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "simulator/scoring/joined.h"
#include "vragent/metrics/calibration.h"
#include "vragent/util/config.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

using Rows = std::vector<JoinedRow>;
using Place = std::pair<std::string, std::int64_t>;  // negatives and m (0: judge)

/// Rows by kind and number of negatives, in order of the cases.
std::vector<std::pair<Place, Rows>> group_rows(const Rows& rows) {
  std::vector<std::pair<Place, Rows>> groups;
  for (const JoinedRow& row : rows) {
    if (!row.is_labelled()) continue;
    const Place place{row.row->negatives, row.num_negatives()};
    auto found = std::find_if(
        groups.begin(), groups.end(), [&](const auto& group) { return group.first == place; });
    if (found == groups.end()) found = groups.insert(groups.end(), {place, {}});
    found->second.push_back(row);
  }
  return groups;
}

std::int64_t count_cases(const Rows& rows) {
  std::set<const data::Case*> seen;
  for (const JoinedRow& row : rows) seen.insert(row.row);
  return std::ssize(seen);
}

/// Wilson interval of a rate over decisions as if each case were asked once.
metrics::Interval wilson_per_case(std::int64_t successes, std::int64_t total, const Rows& rows) {
  if (rows.empty()) return {0, 1};
  const double share = static_cast<double>(count_cases(rows)) / static_cast<double>(rows.size());
  const std::int64_t cases = std::llround(share * static_cast<double>(total));
  const std::int64_t right = std::llround(share * static_cast<double>(successes));
  return metrics::wilson_interval(std::min(right, cases), cases);
}

metrics::MeanStd accuracy_over_repeats(const Rows& rows) {
  std::map<std::int64_t, std::pair<double, double>> correct_of;
  for (const JoinedRow& row : rows) {
    auto& [correct, total] = correct_of[row.decision->repeat];
    correct += row.is_correct() ? 1 : 0;
    total += 1;
  }
  std::vector<double> accuracies;
  for (const auto& [repeat, counts] : correct_of) {
    accuracies.push_back(counts.first / counts.second);
  }
  return metrics::mean_std(accuracies);
}

std::vector<Outcome> outcomes_of(const Rows& rows) {
  std::vector<Outcome> outcomes;
  for (const JoinedRow& row : rows) outcomes.push_back(outcome_of(row));
  return outcomes;
}

metrics::ClassificationMetrics mean_over_users(const Rows& rows) {
  std::map<std::int64_t, std::vector<Outcome>> by_user;
  for (const JoinedRow& row : rows) by_user[row.user].push_back(outcome_of(row));
  std::vector<metrics::Confusion> users;
  for (const auto& [user, outcomes] : by_user) users.push_back(tally(outcomes));
  return metrics::macro_metrics(users);
}

metrics::Interval f1_interval(const Rows& rows,
                              const std::vector<Outcome>& outcomes,
                              const ScoreConfig& config) {
  if (config.draws == 0) return {0, 1};
  std::vector<std::int64_t> users;
  for (const JoinedRow& row : rows) users.push_back(row.user);
  const auto f1 = [&](std::span<const std::size_t> drawn) {
    return metrics::classification_metrics(tally(outcomes, drawn)).f1;
  };
  return metrics::cluster_bootstrap(
             users,
             f1,
             {.num_draws = config.draws, .seed = static_cast<std::uint64_t>(config.seed)})
      .interval;
}

void add_calibration(JudgeScore& score, const Rows& rows) {
  std::vector<metrics::ScoredLabel> scored;
  for (const JoinedRow& row : rows) {
    if (row.decision->p_yes) scored.push_back({*row.decision->p_yes, row.row->label == 1});
  }
  score.num_with_p_yes = std::ssize(scored);
  score.auc = metrics::auc(scored);
  score.brier = metrics::brier_score(scored);
  score.ece = metrics::expected_calibration_error(scored);
}

JudgeScore score_judgments(const Rows& rows, const ScoreConfig& config) {
  JudgeScore score;
  score.negatives = rows.front().row->negatives;
  score.num_cases = count_cases(rows);
  const std::vector<Outcome> outcomes = outcomes_of(rows);
  score.counts = tally(outcomes);
  const metrics::Confusion& counts = score.counts;
  score.metrics = metrics::classification_metrics(counts);
  score.macro = mean_over_users(rows);
  const auto positives = counts.true_positive + counts.false_negative + counts.unread_positive;
  score.accuracy_interval = wilson_per_case(counts.num_correct(), counts.num_rows(), rows);
  score.precision_interval =
      wilson_per_case(counts.true_positive, counts.true_positive + counts.false_positive, rows);
  score.recall_interval = wilson_per_case(counts.true_positive, positives, rows);
  score.f1_interval = f1_interval(rows, outcomes, config);
  score.chance_credited_accuracy = metrics::chance_credited_accuracy(
      counts.num_correct(), counts.num_unread(), counts.num_rows(), 0.5);
  score.over_repeats = accuracy_over_repeats(rows);
  add_calibration(score, rows);
  return score;
}

SelectScore score_selections(const Rows& rows) {
  SelectScore score;
  score.negatives = rows.front().row->negatives;
  score.m = rows.front().num_negatives();
  score.num_cases = count_cases(rows);
  score.num_rows = std::ssize(rows);
  score.picks_by_slot.assign(static_cast<std::size_t>(score.m) + 1, 0);
  for (const JoinedRow& row : rows) {
    score.num_correct += row.is_correct() ? 1 : 0;
    score.num_unread += row.is_answered() ? 0 : 1;
    if (row.is_answered()) ++score.picks_by_slot[static_cast<std::size_t>(*row.decision->choice)];
  }
  score.accuracy = {static_cast<double>(score.num_correct) / static_cast<double>(score.num_rows),
                    wilson_per_case(score.num_correct, score.num_rows, rows)};
  score.chance = 1 / static_cast<double>(score.m + 1);
  score.chance_credited_accuracy = metrics::chance_credited_accuracy(
      score.num_correct, score.num_unread, score.num_rows, score.chance);
  score.over_repeats = accuracy_over_repeats(rows);
  score.slot_bias = metrics::chi_square_uniform(score.picks_by_slot);
  return score;
}

/// Counts that need no truth: statuses, failures, costs, coverage.
void add_account(AgentScore& score, const Rows& rows, const std::vector<data::Case>& cases) {
  std::set<std::int64_t> repeats;
  std::set<const data::Case*> decided;
  for (const JoinedRow& row : rows) {
    const data::Decision& decision = *row.decision;
    repeats.insert(decision.repeat);
    decided.insert(row.row);
    ++score.statuses[to_string(decision.status)];
    score.num_failed += decision.error.empty() ? 0 : 1;
    score.num_unlabelled += row.is_labelled() ? 0 : 1;
    score.num_calls += decision.num_calls;
    score.prompt_tokens += decision.prompt_tokens;
    score.completion_tokens += decision.completion_tokens;
  }
  score.num_decisions = std::ssize(rows);
  score.num_repeats = std::ssize(repeats);
  for (const data::Case& row : cases) {
    const bool is_labelled = row.label >= 0 || row.answer_index >= 0;
    score.num_missing += is_labelled && !decided.contains(&row) ? 1 : 0;
  }
}

AgentScore score_agent(const std::vector<data::Case>& cases,
                       const CaseIndex& index,
                       const NamedDecisions& agent,
                       const ScoreConfig& config) {
  AgentScore score;
  score.name = agent.name;
  if (!agent.decisions.empty()) {
    score.model = agent.decisions.front().model;
    score.backend = agent.decisions.front().backend;
  }
  const Rows rows = index.join(agent.decisions, agent.name);
  add_account(score, rows, cases);
  for (const auto& [place, group] : group_rows(rows)) {
    if (place.second == 0) {
      score.judge.push_back(score_judgments(group, config));
    } else {
      score.select.push_back(score_selections(group));
    }
  }
  return score;
}

}  // namespace

void ScoreConfig::check() const {
  check_range("draws", static_cast<double>(draws), 0, 1e7);
}

std::vector<NamedDecisions> split_by_agent(std::vector<data::Decision> decisions) {
  std::vector<NamedDecisions> agents;
  for (data::Decision& decision : decisions) {
    auto found = std::find_if(agents.begin(), agents.end(), [&](const NamedDecisions& agent) {
      return agent.name == decision.agent;
    });
    if (found == agents.end()) found = agents.insert(agents.end(), {decision.agent, {}});
    found->decisions.push_back(std::move(decision));
  }
  return agents;
}

Scores score_agents(const std::vector<data::Case>& cases,
                    const std::vector<NamedDecisions>& agents,
                    const ScoreConfig& config) {
  config.check();
  Scores scores;
  scores.cases_hash = hash_cases(cases);
  scores.num_cases = std::ssize(cases);
  const CaseIndex index(cases);
  for (const NamedDecisions& agent : agents) {
    scores.agents.push_back(score_agent(cases, index, agent, config));
  }
  return scores;
}

std::vector<std::string> scored_lines(const std::vector<data::Case>& cases,
                                      const std::vector<NamedDecisions>& agents) {
  std::vector<std::string> lines;
  const CaseIndex index(cases);
  for (const NamedDecisions& agent : agents) {
    for (const JoinedRow& row : index.join(agent.decisions, agent.name)) {
      OrderedJson object = OrderedJson::parse(to_line(*row.decision));
      object["user_id"] = row.row->user_id;
      object["task"] = to_string(row.row->task);
      object["negatives"] = row.row->negatives;
      object["num_candidates"] = row.row->candidates.size();
      if (row.is_labelled()) object["correct"] = row.is_correct();
      lines.push_back(dump_json(object));
    }
  }
  return lines;
}

}  // namespace vragent::simulator
