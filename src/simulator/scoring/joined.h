// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Decisions joined to their cases: the one place where an answer is compared with the truth.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"
#include "vragent/metrics/classification.h"

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

/// What became of a judgment, in one byte: resampling reads them by the million.
enum class Outcome : std::uint8_t {
  kTruePositive,
  kFalsePositive,
  kTrueNegative,
  kFalseNegative,
  kUnreadPositive,
  kUnreadNegative,
};

/// @pre row is a labelled judgment
Outcome outcome_of(const JoinedRow& row);

/// Counts of some outcomes, by their places (with repetition).
metrics::Confusion tally(std::span<const Outcome> outcomes, std::span<const std::size_t> places);

/// Counts of all outcomes.
metrics::Confusion tally(std::span<const Outcome> outcomes);

/// Cases to be found by id, with their users numbered and their hashes at hand.
class CaseIndex {
 public:
  /// @param cases must outlive the index
  explicit CaseIndex(const std::vector<data::Case>& cases);

  /// All decisions of one agent, in the order of the cases, then of the repeats.
  /// @throws DataError naming the case when a decision does not fit (see score_agents)
  [[nodiscard]] std::vector<JoinedRow> join(const std::vector<data::Decision>& decisions,
                                            const std::string& agent) const;

 private:
  /// Why a decision does not fit the case at `place`, or "".
  [[nodiscard]] std::string problem_with(const data::Decision& decision, std::size_t place) const;

  const std::vector<data::Case>& cases_;
  std::vector<std::string> hashes_;
  std::vector<std::int64_t> users_;
  std::unordered_map<std::string, std::size_t> place_of_;
};

}  // namespace vragent::simulator
