// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Neural factorisation machine (He & Chua 2017) over the same fields as DeepFM here: the history's
// items and one candidate, no user, no first-order term (`recommender.md` 3.5).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models::collaborative {

struct NfmConfig {
  std::int64_t num_items = 0;
  std::int64_t width = 64;    ///< D, also of the hidden layer
  std::int64_t max_len = 10;  ///< L, fields of the history
};

/// Score of candidate c after a history h_1 .. h_L. Bi-interaction pooling (Eq. 4) keeps the sum
/// over all pairs of fields as a vector, which one layer reads (Eq. 7):
///   f = sum over pairs of v_i * v_j = s * v_c + 1/2 (s * s - sum v_h * v_h),  s = sum v_h
///   score = w2 relu(W1 f + b1)
struct NfmImpl : torch::nn::Module {
  explicit NfmImpl(const NfmConfig& config);

  /// @param history int64 [B, L], left-padded with 0, whose vectors count as zero
  /// @param candidates int64 [C] -> scores [B, C]; makes [B, C, D]
  torch::Tensor forward(const torch::Tensor& history, const torch::Tensor& candidates);

  /// Scores of all items 0..N without gradients, [B, N+1], user by user: nothing of [B, N, D] is
  /// made, but a user costs N D^2 products.
  torch::Tensor all_scores(const torch::Tensor& history);

  NfmConfig config;
  nn::Embedding item_table;  ///< [N+1, D]
  nn::Linear hidden;         ///< W1 [D, D] and b1 [D]
  nn::Linear output;         ///< w2 [1, D], without bias

 private:
  struct Pooled {
    torch::Tensor sum;    ///< s [B, D]
    torch::Tensor pairs;  ///< the history's own pairs [B, D]
  };

  Pooled pooled(const torch::Tensor& history);
};

TORCH_MODULE(Nfm);

}  // namespace vragent::rec_models::collaborative
