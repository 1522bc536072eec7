// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Cases and decisions for tests of scoring and comparison: users "u0", "u1", ... with one judge
// case of each label and one selection (m = 3, the true item at A) each.
#pragma once

#include <string>
#include <vector>

#include "vragent/simulator/scoring/scoring.h"

namespace vragent::simulator::test {

inline std::vector<data::Case> make_scored_cases(int num_users,
                                                 const std::string& negatives = "topk") {
  std::vector<data::Case> cases;
  for (int user = 0; user < num_users; ++user) {
    data::Case row;
    row.user_id = "u" + std::to_string(user);
    row.negatives = negatives;
    row.candidates = {{"0", "t", ""}};
    for (const std::int64_t label : {1, 0}) {
      row.case_id = row.user_id + (label == 1 ? "-pos-" : "-neg-") + negatives;
      row.label = label;
      cases.push_back(row);
    }
    row.case_id = row.user_id + "-select-" + negatives;
    row.task = data::Task::kSelect;
    row.label = -1;
    row.answer_index = 0;
    row.candidates = {{"0", "t", ""}, {"1", "t", ""}, {"2", "t", ""}, {"3", "t", ""}};
    cases.push_back(row);
  }
  return cases;
}

inline data::Decision make_decision(const data::Case& row, const std::string& agent) {
  data::Decision decision;
  decision.case_id = row.case_id;
  decision.case_hash = hash_case(row);
  decision.agent = agent;
  return decision;
}

inline data::Decision judge(const data::Case& row, const std::string& agent, bool yes) {
  data::Decision decision = make_decision(row, agent);
  decision.yes = yes;
  decision.status = data::AnswerStatus::kOk;
  return decision;
}

inline data::Decision choose(const data::Case& row, const std::string& agent, std::int64_t choice) {
  data::Decision decision = make_decision(row, agent);
  decision.choice = choice;
  decision.status = data::AnswerStatus::kOk;
  return decision;
}

/// An agent that is right on the first `num_right` users and wrong on the others.
inline NamedDecisions right_on(const std::vector<data::Case>& cases,
                               const std::string& agent,
                               int num_right) {
  NamedDecisions named{agent, {}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const bool right = static_cast<int>(i) / 3 < num_right;
    const data::Case& row = cases[i];
    named.decisions.push_back(row.task == data::Task::kSelect
                                  ? choose(row, agent, right ? 0 : 2)
                                  : judge(row, agent, (row.label == 1) == right));
  }
  return named;
}

}  // namespace vragent::simulator::test
