// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Decisions joined to their cases: the one place where an answer is compared with the truth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"

namespace vragent::simulator {

/// A decision and its case; both are borrowed.
struct JoinedRow {
  const data::Case* row = nullptr;
  const data::Decision* decision = nullptr;
  std::int64_t user = 0;  ///< number of the user, from 0

  [[nodiscard]] bool is_labelled() const {
    return row->task == data::Task::kJudge ? row->label >= 0 : row->answer_index >= 0;
  }

  [[nodiscard]] bool is_answered() const { return data::is_answered(decision->status); }

  /// Whether the answer is right; an unread answer is not. @pre is_labelled()
  [[nodiscard]] bool is_correct() const {
    if (!is_answered()) return false;
    if (row->task == data::Task::kSelect) return decision->choice == row->answer_index;
    return *decision->yes == (row->label == 1);
  }

  /// Number of negatives of a selection; 0 for a judgment.
  [[nodiscard]] std::int64_t num_negatives() const {
    return static_cast<std::int64_t>(row->candidates.size()) - 1;
  }
};

/// All decisions of one agent, in the order of the cases, then of the repeats.
/// @throws DataError naming the case when a decision does not fit (see score_agents)
std::vector<JoinedRow> join(const std::vector<data::Case>& cases,
                            const std::vector<data::Decision>& decisions,
                            const std::string& agent);

}  // namespace vragent::simulator
