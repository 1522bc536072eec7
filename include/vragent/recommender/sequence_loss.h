// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What a recommender learns from: softmax over the items of a batch (the release's), over all items
// or over drawn ones, and losses on pairs. All take scores <state, item vector>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <torch/types.h>

#include "vragent/comm/sharing.h"
#include "vragent/recommender/sequence_batches.h"

namespace vragent::recommender {

struct LossConfig {
  std::string loss = "in-batch-softmax";   // release
  std::int64_t num_negatives = 1;          // SASRec's own (2018); gSASRec: 256
  std::string negatives_per = "position";  // as SASRec and gSASRec draw them
  double bce_calibration = 0.0;            // SASRec; gSASRec: 0.75
  std::string batch_negatives = "all";     // the release's processes look at their own items only

  void visit(auto& v) {
    v("loss",
      loss,
      "in-batch-softmax (the batch's items, popularity taken out), softmax (all items), or with "
      "uniform negatives sampled-softmax, bce, bpr");
    v("num-negatives",
      num_negatives,
      "uniform negatives of sampled-softmax, bce and bpr; never items of the row itself");
    v("negatives-per",
      negatives_per,
      "position: every target draws its own negatives; row: all targets of a user share them");
    v("bce-calibration",
      bce_calibration,
      "gSASRec's t for bce: 0 leaves the loss as it is, 1 undoes the overconfidence that few "
      "negatives cause");
    v("batch-negatives",
      batch_negatives,
      "in-batch-softmax in many processes (mpirun): all compares with the items of the whole "
      "batch, "
      "the same result as one process; own with those of the process's own rows, the same result "
      "as micro-batches of as many users (or pairs). Processes and micro-batches weigh by their "
      "targets");
  }

  void check() const;

  /// Whether batches need with_candidates() to draw items.
  [[nodiscard]] bool draws_negatives() const;

  /// Whether each of many processes compares with the items of its own rows alone.
  [[nodiscard]] bool compares_with_own_items() const;

  /// In words, for metrics.json: "bce, 256 uniform negatives a position, calibration 0.75".
  [[nodiscard]] std::string description() const;
};

/// The batch with the items that the loss compares with: all of the catalogue as `unique` for
/// softmax (place = catalogue index), uniform draws as `negatives` for the sampled ones, nothing
/// new for in-batch-softmax. Only positions with a target draw.
/// @param seed of this batch's draws
/// @throws DataError when a row has seen all items, so that nothing is left to draw
SequenceBatch with_candidates(SequenceBatch batch,
                              const LossConfig& config,
                              std::int64_t num_items,
                              std::uint64_t seed);

/// What one process computes of a batch: its share of the rows, over the items of all of them or,
/// where `config` says so, over those of the share alone. What is drawn, it draws for all rows: the
/// number of processes changes nothing.
/// @param batch_of rows [begin, end) of the batch, as with_candidates() gives them
SequenceBatch own_batch(const comm::Share& own,
                        std::size_t num_rows,
                        const LossConfig& config,
                        const std::function<SequenceBatch(const comm::Share& rows)>& batch_of);

/// Mean over targets, s+ being the score of the target, s- those of K negatives:
///   in-batch-softmax  debiased_softmax_loss()
///   softmax           cross entropy over all items; nothing is masked
///   sampled-softmax   -s+ + log(exp s+ + sum exp s-); uniform draws need no correction
///   bce               -(beta log sigmoid(s+) + sum log(1 - sigmoid(s-))) / (K + 1), where beta is
///                     gbce_exponent() (Petrov & Macdonald 2023, Eq. 5)
///   bpr               -mean log sigmoid(s+ - s-) (Rendle et al. 2009)
/// @param states [B, L, D]; vectors [n, D] of batch.unique; batch as with_candidates() gives it
torch::Tensor sequence_loss(const torch::Tensor& states,
                            const torch::Tensor& vectors,
                            const SequenceBatch& batch,
                            const LossConfig& config,
                            std::int64_t num_items);

/// gSASRec's beta = alpha ((1 - 1/alpha) t + 1/alpha) with the sampling rate alpha = K / (N - 1);
/// 1 for t = 0, alpha for t = 1.
double gbce_exponent(std::int64_t num_negatives, std::int64_t num_items, double calibration);

}  // namespace vragent::recommender
