// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/score_report.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

constexpr const char* kNothing = "-";

OrderedJson rate_json(double value, const metrics::Interval& interval) {
  return {{"value", value}, {"low", interval.low}, {"high", interval.high}};
}

OrderedJson optional_json(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson repeats_json(const metrics::MeanStd& repeats) {
  return {{"mean", repeats.mean}, {"std", repeats.std}, {"num", repeats.num_values}};
}

OrderedJson counts_json(const metrics::Confusion& counts) {
  return {{"true_positive", counts.true_positive},
          {"false_positive", counts.false_positive},
          {"true_negative", counts.true_negative},
          {"false_negative", counts.false_negative},
          {"unread_positive", counts.unread_positive},
          {"unread_negative", counts.unread_negative}};
}

OrderedJson judge_json(const JudgeScore& score) {
  OrderedJson object;
  object["negatives"] = score.negatives;
  object["num_cases"] = score.num_cases;
  object["accuracy"] = rate_json(score.metrics.accuracy, score.accuracy_interval);
  object["precision"] = rate_json(score.metrics.precision, score.precision_interval);
  object["recall"] = rate_json(score.metrics.recall, score.recall_interval);
  object["f1"] = rate_json(score.metrics.f1, score.f1_interval);
  object["yes_rate"] = score.metrics.yes_rate;
  object["unread_rate"] = score.metrics.unread_rate;
  object["accuracy_chance_credited"] = score.chance_credited_accuracy;
  object["balanced_accuracy"] = score.metrics.balanced_accuracy;
  object["mcc"] = score.metrics.mcc;
  object["auc"] = optional_json(score.auc);
  object["brier"] = optional_json(score.brier);
  object["ece"] = optional_json(score.ece);
  object["num_with_p_yes"] = score.num_with_p_yes;
  object["accuracy_over_repeats"] = repeats_json(score.over_repeats);
  object["macro"] = {{"accuracy", score.macro.accuracy},
                     {"precision", score.macro.precision},
                     {"recall", score.macro.recall},
                     {"f1", score.macro.f1}};
  object["counts"] = counts_json(score.counts);
  object["undefined"] = score.metrics.undefined;
  return object;
}

OrderedJson select_json(const SelectScore& score) {
  OrderedJson object;
  object["negatives"] = score.negatives;
  object["m"] = score.m;
  object["num_cases"] = score.num_cases;
  object["accuracy"] = rate_json(score.accuracy.value, score.accuracy.interval);
  object["chance"] = score.chance;
  object["accuracy_chance_credited"] = score.chance_credited_accuracy;
  object["accuracy_over_repeats"] = repeats_json(score.over_repeats);
  object["num_rows"] = score.num_rows;
  object["num_correct"] = score.num_correct;
  object["num_unread"] = score.num_unread;
  object["picks_by_slot"] = score.picks_by_slot;
  object["slot_bias"] = {{"chi_square", score.slot_bias.statistic},
                         {"degrees", score.slot_bias.degrees},
                         {"p_value", score.slot_bias.p_value}};
  return object;
}

OrderedJson agent_json(const AgentScore& score) {
  OrderedJson object;
  object["agent"] = score.name;
  object["model"] = score.model;
  object["backend"] = score.backend;
  object["num_decisions"] = score.num_decisions;
  object["num_repeats"] = score.num_repeats;
  object["num_missing"] = score.num_missing;
  object["num_unlabelled"] = score.num_unlabelled;
  object["num_failed"] = score.num_failed;
  object["statuses"] = score.statuses;
  object["num_calls"] = score.num_calls;
  object["prompt_tokens"] = score.prompt_tokens;
  object["completion_tokens"] = score.completion_tokens;
  object["judge"] = OrderedJson::array();
  for (const JudgeScore& judge : score.judge) object["judge"].push_back(judge_json(judge));
  object["select"] = OrderedJson::array();
  for (const SelectScore& select : score.select) object["select"].push_back(select_json(select));
  return object;
}

std::string rate_text(double value, const metrics::Interval& interval) {
  return formatted("{:.3f} [{:.3f}, {:.3f}]", value, interval.low, interval.high);
}

std::string number_text(const std::optional<double>& value) {
  return value ? formatted("{:.3f}", *value) : kNothing;
}

/// Kinds of negatives of an agent, in order.
std::vector<std::string> kinds_of(const AgentScore& agent) {
  std::vector<std::string> kinds;
  const auto add = [&](const std::string& kind) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  };
  for (const JudgeScore& judge : agent.judge) add(judge.negatives);
  for (const SelectScore& select : agent.select) add(select.negatives);
  return kinds;
}

std::vector<std::string> judge_cells(const JudgeScore* score) {
  if (score == nullptr) return std::vector<std::string>(6, kNothing);
  return {rate_text(score->metrics.accuracy, score->accuracy_interval),
          number_text(score->metrics.precision),
          number_text(score->metrics.recall),
          number_text(score->metrics.f1),
          number_text(score->metrics.yes_rate),
          number_text(score->auc)};
}

template <class Score, class Fits>
const Score* find_score(const std::vector<Score>& scores, Fits fits) {
  const auto found = std::find_if(scores.begin(), scores.end(), fits);
  return found == scores.end() ? nullptr : &*found;
}

std::vector<std::string> row_cells(const AgentScore& agent,
                                   const std::string& kind,
                                   const std::set<std::int64_t>& sizes) {
  const auto* judge =
      find_score(agent.judge, [&](const JudgeScore& score) { return score.negatives == kind; });
  std::vector<std::string> cells = {agent.name, kind};
  const auto judged = judge_cells(judge);
  cells.insert(cells.end(), judged.begin(), judged.end());
  std::int64_t num_unread = judge == nullptr ? 0 : judge->counts.num_unread();
  for (const std::int64_t m : sizes) {
    const auto* select = find_score(agent.select, [&](const SelectScore& score) {
      return score.negatives == kind && score.m == m;
    });
    cells.push_back(select == nullptr
                        ? kNothing
                        : rate_text(select->accuracy.value, select->accuracy.interval));
    num_unread += select == nullptr ? 0 : select->num_unread;
  }
  cells.push_back(formatted("{}", num_unread));
  return cells;
}

void add_notes(const AgentScore& agent, std::vector<std::string>& notes) {
  if (agent.num_missing > 0) {
    notes.push_back(
        formatted("{}: {} cases without a decision are left out", agent.name, agent.num_missing));
  }
  if (agent.num_failed > 0) {
    notes.push_back(
        formatted("{}: {} calls failed; they count as wrong", agent.name, agent.num_failed));
  }
  if (agent.num_unlabelled > 0) {
    notes.push_back(
        formatted("{}: {} decisions on cases without a label", agent.name, agent.num_unlabelled));
  }
}

}  // namespace

std::string scores_json(const Scores& scores) {
  OrderedJson object;
  object["cases_hash"] = scores.cases_hash;
  object["num_cases"] = scores.num_cases;
  object["agents"] = OrderedJson::array();
  for (const AgentScore& agent : scores.agents) object["agents"].push_back(agent_json(agent));
  return object.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Table scores_table(const Scores& scores) {
  Table table;
  table.title = formatted("Scores on {} cases ({})", scores.num_cases, scores.cases_hash);
  table.columns = {"Agent", "Negatives", "Acc", "Precision", "Recall", "F1", "Yes-rate", "AUC"};
  std::set<std::int64_t> sizes;
  for (const AgentScore& agent : scores.agents) {
    for (const SelectScore& select : agent.select) sizes.insert(select.m);
  }
  for (const std::int64_t m : sizes) table.columns.push_back(formatted("Acc m={}", m));
  table.columns.emplace_back("Unread");
  for (const AgentScore& agent : scores.agents) {
    for (const std::string& kind : kinds_of(agent)) {
      table.rows.push_back(row_cells(agent, kind, sizes));
    }
    add_notes(agent, table.notes);
  }
  table.notes.emplace_back("brackets: 95 % Wilson intervals; an unread answer counts as wrong");
  return table;
}

}  // namespace vragent::simulator
