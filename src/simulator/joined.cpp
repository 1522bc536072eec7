// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "simulator/joined.h"

#include <algorithm>
#include <unordered_map>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::simulator {
namespace {

/// Why a decision does not fit its case, or "".
std::string problem_with(const data::Decision& decision, const data::Case& row) {
  if (!decision.case_hash.empty() && decision.case_hash != hash_case(row)) {
    return "is on another version of the case";
  }
  if (row.task == data::Task::kJudge && decision.choice)
    return "chooses, but the case asks to judge";
  if (row.task == data::Task::kSelect && decision.yes) return "judges, but the case asks to choose";
  if (decision.choice && *decision.choice >= static_cast<std::int64_t>(row.candidates.size())) {
    return formatted("chooses candidate {} of {}", *decision.choice, row.candidates.size());
  }
  return "";
}

}  // namespace

std::vector<JoinedRow> join(const std::vector<data::Case>& cases,
                            const std::vector<data::Decision>& decisions,
                            const std::string& agent) {
  std::unordered_map<std::string, std::size_t> place_of;
  std::unordered_map<std::string, std::int64_t> user_of;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    place_of.emplace(cases[i].case_id, i);
    user_of.emplace(cases[i].user_id, std::ssize(user_of));
  }
  std::vector<JoinedRow> rows;
  for (const data::Decision& decision : decisions) {
    const auto found = place_of.find(decision.case_id);
    const std::string problem = found == place_of.end()
                                    ? "is on a case that is not there"
                                    : problem_with(decision, cases[found->second]);
    if (!problem.empty()) {
      throw DataError(formatted("case {}: the decision of {} {}: use the cases that were answered",
                                decision.case_id,
                                agent,
                                problem));
    }
    const data::Case& row = cases[found->second];
    rows.push_back({&row, &decision, user_of.at(row.user_id)});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const JoinedRow& a, const JoinedRow& b) {
    return a.row != b.row ? a.row < b.row : a.decision->repeat < b.decision->repeat;
  });
  return rows;
}

}  // namespace vragent::simulator
