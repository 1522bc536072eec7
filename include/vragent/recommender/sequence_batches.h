// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Training batches of histories, and the loss over them: softmax over the items of the batch with
// the popularity of each taken out (`recommender.md` 3.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <torch/types.h>

#include "vragent/data/sequences.h"

namespace vragent::recommender {

/// One training row: items oldest first; each position from first_target on predicts the next one.
struct TrainingRow {
  std::vector<std::int32_t> items;           ///< at most max_len + 1
  std::int64_t first_target = 1;             ///< position in items of the first target
  std::vector<std::int32_t> negatives = {};  ///< never what follows, at any position of this row
  std::int64_t user = 0;                     ///< whose history it is, for messages
  bool repeats = false;  ///< the items before first_target are another row's: not counted again

  /// Position of the first item that counts as watched and as a column of the loss.
  [[nodiscard]] std::int64_t first_counted() const { return repeats ? first_target : 0; }

  [[nodiscard]] std::int64_t num_targets() const { return std::ssize(items) - first_target; }
};

/// The train part of every user with at least two items in it.
std::vector<TrainingRow> training_rows(const data::Sequences& sequences);

/// A batch over its own unique items: each is encoded once, however often it occurs.
struct SequenceBatch {
  torch::Tensor unique;     ///< int64 [n], catalogue indices; unique[0] is padding
  torch::Tensor inputs;     ///< int64 [B, L], places in `unique`, left-padded
  torch::Tensor targets;    ///< int64 [B, L], places in `unique`; 0 = no target here
  torch::Tensor own;        ///< int64 [B, L+1], all items of the row
  torch::Tensor log_count;  ///< float [n], log of the counted occurrences in the batch (columns in
                            ///< the paper's form), -inf without any
  torch::Tensor log_pop;    ///< float [n], log of the train popularity
  torch::Tensor hard;  ///< int64 [B, K], places in `unique` of the rows' own negatives, 0 where
                       ///< a row has fewer; undefined where no row has any
  torch::Tensor negatives;  ///< int64 [B, L or 1, K], places in `unique`; undefined unless drawn

  [[nodiscard]] SequenceBatch to(torch::Device device) const;

  /// Rows [begin, begin + count), over the unique items of the whole batch.
  [[nodiscard]] SequenceBatch rows(std::int64_t begin, std::int64_t count) const;
};

/// @param popularity [N+1], share of the training occurrences of each item
SequenceBatch make_batch(std::span<const TrainingRow* const> rows,
                         std::int64_t max_len,
                         const std::vector<double>& popularity);

/// What a model sees of each user before the target of `split`, catalogue indices [n, max_len],
/// left-padded with 0.
torch::Tensor padded_inputs(const data::Sequences& sequences,
                            const std::vector<std::int64_t>& users,
                            data::Split split);

/// Cross entropy of each target against the batch's items with logits <state, item> - log
/// popularity; a row's own other items and padding are no negatives; an item counts as often as it
/// occurs in the batch, at least once for rows that have it as a negative of their own.
/// @param states [B, L, D]; vectors [n, D] of batch.unique
/// @return scalar, mean over targets
torch::Tensor debiased_softmax_loss(const torch::Tensor& states,
                                    const torch::Tensor& vectors,
                                    const SequenceBatch& batch);

/// The same from scores that are no dot products. @param scores [M, n] of the M positions with a
/// target, row by row, for batch.unique
torch::Tensor debiased_softmax_of_scores(const torch::Tensor& scores, const SequenceBatch& batch);

}  // namespace vragent::recommender
