// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Simulated likes join the training histories (paper, Table 4; `simulators.md` 4): as training-only
// pairs or at their end, with a guard against feeding a user's own held-out items back. Evaluation
// never sees them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vragent/data/sequences.h"
#include "vragent/recommender/sequence_batches.h"

namespace vragent::recommender {

struct FeedbackConfig {
  std::filesystem::path feedback;
  std::string arm = "like";
  std::int64_t per_user = 2;
  bool by_answer = false;
  std::string insert = "pairs";  // histories stay real
  bool guard = true;
  std::filesystem::path lists;

  void visit(auto& v) {
    v("feedback",
      feedback,
      "decisions.jsonl of simulated users over recommended items; their picks become training "
      "pairs");
    v("feedback-arm",
      arm,
      "what of the videos shown to a user is learnt from: like, the most liked; dislike, the "
      "least, "
      "as if watched; dislike-negative, the least, as what the user would not watch next; random, "
      "any; self, what the recommender itself put first");
    v("feedback-per-user", per_user, "items inserted for each user, at most");
    v("feedback-by-answer",
      by_answer,
      "like takes what was answered Yes alone, dislike what was answered No alone, random and self "
      "as many as there are Yes, so that arms may differ in number; without, arms insert alike, "
      "the "
      "most (least) liked whatever the answers");
    v("feedback-insert",
      insert,
      "where they go: pairs, each a training row of its own, the user's train part with the item "
      "as its only target; tail, behind the last item of the user's own training row, where they "
      "are "
      "targets and inputs (the oldest items leave a full row). Histories that are evaluated stay "
      "as they are; negatives are not inserted");
    v("feedback-guard", guard, "drop items that are the user's own validation or test item");
    v("feedback-lists",
      lists,
      "lists the videos were shown from (topk.valid.jsonl, or the run folder): their order is what "
      "arm self goes by");
  }

  void check() const;
};

/// What was inserted and what was not.
struct FeedbackCounts {
  std::int64_t users = 0;
  std::int64_t inserted = 0;
  std::int64_t answered_yes = 0;  ///< of the inserted, those the simulated user said Yes to
  std::int64_t held_out = 0;    ///< of the user's own validation or test item; the guard drops them
  std::int64_t unknown = 0;     ///< user or item not in the data
  std::int64_t unanswered = 0;  ///< decisions without a usable answer
};

struct Feedback {
  std::vector<TrainingRow> rows;  ///< train part + picked item; only the picked item is a target
  std::map<std::int64_t, std::vector<std::int32_t>> tails;      ///< insert = "tail": by user
  std::map<std::int64_t, std::vector<std::int32_t>> negatives;  ///< dislike-negative: by user
  std::vector<std::int64_t> users;                              ///< who answered, ascending
  FeedbackCounts counts;
};

/// Reads decisions that carry "user_id" and "item_id": judgments, and choices, which say Yes to
/// what was chosen and nothing of the rest. Ranks each user's items by p_yes
/// where it is given, else by the answer (ties in seeded random order; arm self: by their place in
/// the lists, those without one last), and takes per_user of them by arm. Repeats of a question
/// make one opinion: the mean of p_yes, Yes where more than half say so; a choice counts however
/// often it was made, in one case or several.
/// @throws DataError with path:line when a decision lacks user_id or item_id, is of another agent
/// than the first, or answers again what was answered; DataError when nothing can be inserted (with
/// by_answer a warning)
Feedback load_feedback(const FeedbackConfig& config,
                       const data::Sequences& sequences,
                       std::uint64_t seed);

/// Adds feedback to the rows of training_rows(): new rows behind them, negatives and tails to the
/// users' own. A user who had no row, for want of a second item, gets one from a tail.
void add_feedback(std::vector<TrainingRow>& rows,
                  const Feedback& feedback,
                  const data::Sequences& sequences);

}  // namespace vragent::recommender
