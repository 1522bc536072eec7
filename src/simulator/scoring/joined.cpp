// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "simulator/scoring/joined.h"

#include <algorithm>
#include <array>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::simulator {
namespace {

using OutcomeCounts = std::array<std::int64_t, 6>;

metrics::Confusion to_confusion(const OutcomeCounts& counts) {
  return {.true_positive = counts[0],
          .false_positive = counts[1],
          .true_negative = counts[2],
          .false_negative = counts[3],
          .unread_positive = counts[4],
          .unread_negative = counts[5]};
}

}  // namespace

Outcome outcome_of(const JoinedRow& row) {
  const bool actual = row.row->label == 1;
  if (!row.is_answered()) return actual ? Outcome::kUnreadPositive : Outcome::kUnreadNegative;
  if (*row.decision->yes) return actual ? Outcome::kTruePositive : Outcome::kFalsePositive;
  return actual ? Outcome::kFalseNegative : Outcome::kTrueNegative;
}

metrics::Confusion tally(std::span<const Outcome> outcomes, std::span<const std::size_t> places) {
  OutcomeCounts counts{};
  for (const std::size_t place : places) ++counts[static_cast<std::size_t>(outcomes[place])];
  return to_confusion(counts);
}

metrics::Confusion tally(std::span<const Outcome> outcomes) {
  OutcomeCounts counts{};
  for (const Outcome outcome : outcomes) ++counts[static_cast<std::size_t>(outcome)];
  return to_confusion(counts);
}

CaseIndex::CaseIndex(const std::vector<data::Case>& cases) : cases_(cases) {
  std::unordered_map<std::string, std::int64_t> number_of;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    place_of_.emplace(cases[i].case_id, i);
    hashes_.push_back(hash_case(cases[i]));
    users_.push_back(number_of.emplace(cases[i].user_id, std::ssize(number_of)).first->second);
  }
}

std::string CaseIndex::problem_with(const data::Decision& decision, std::size_t place) const {
  const data::Case& row = cases_[place];
  if (!decision.case_hash.empty() && decision.case_hash != hashes_[place]) {
    return "is on another version of the case";
  }
  if (row.task == data::Task::kJudge && decision.choice) {
    return "chooses, but the case asks to judge";
  }
  if (row.task == data::Task::kSelect && decision.yes) {
    return "judges, but the case asks to choose";
  }
  if (decision.choice && *decision.choice >= std::ssize(row.candidates)) {
    return formatted("chooses candidate {} of {}", *decision.choice, row.candidates.size());
  }
  return "";
}

std::vector<JoinedRow> CaseIndex::join(const std::vector<data::Decision>& decisions,
                                       const std::string& agent) const {
  std::vector<JoinedRow> rows;
  for (const data::Decision& decision : decisions) {
    const auto found = place_of_.find(decision.case_id);
    const std::string problem = found == place_of_.end() ? "is on a case that is not there"
                                                         : problem_with(decision, found->second);
    if (!problem.empty()) {
      throw DataError(formatted("case {}: the decision of {} {}: use the cases that were answered",
                                decision.case_id,
                                agent,
                                problem));
    }
    rows.push_back({&cases_[found->second], &decision, users_[found->second]});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const JoinedRow& a, const JoinedRow& b) {
    return a.row != b.row ? a.row < b.row : a.decision->repeat < b.decision->repeat;
  });
  return rows;
}

}  // namespace vragent::simulator
