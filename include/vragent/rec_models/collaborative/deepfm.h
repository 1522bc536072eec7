// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// DeepFM (Guo et al. 2017) as the MicroLens release has it: the history's items and one candidate
// are the fields, no user, no first-order term (`recommender.md` 3.5).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models::collaborative {

struct DeepFmConfig {
  std::int64_t num_items = 0;
  std::int64_t width = 1024;  ///< D, also of the hidden layer
  std::int64_t max_len = 10;  ///< L, fields of the history
};

/// Which vectors of the candidates the factorisation machine sees.
enum class DeepFmCandidates {
  kTheirOwn,  ///< v_c
  kHidden,    ///< W1's part for the candidate times v_c, as the release evaluates by mistake
};

/// Score of candidate c after a history h_1 .. h_L:
///   FM  = 1/2 (|sum v|^2 - sum |v|^2) = <s, v_c> + 1/2 (|s|^2 - sum |v_h|^2),  s = sum v_h
///   MLP = w2 relu(W1 [v_h1 .. v_hL v_c]) + b
struct DeepFmImpl : torch::nn::Module {
  explicit DeepFmImpl(const DeepFmConfig& config);

  /// @param history int64 [B, L], left-padded with 0, whose vectors count as zero
  /// @param candidates int64 [C] -> scores [B, C]
  torch::Tensor forward(const torch::Tensor& history, const torch::Tensor& candidates);

  /// W1's part for the candidate times the vectors of all items, [N+1, D], without gradients.
  torch::Tensor candidate_layer();

  /// Scores of all items 0..N without gradients, [B, N+1]; nothing of [B, N, D] is made.
  /// @param layer as candidate_layer() gave it for these weights
  torch::Tensor all_scores(const torch::Tensor& history,
                           const torch::Tensor& layer,
                           DeepFmCandidates seen_by_fm);

  DeepFmConfig config;
  nn::Embedding item_table;  ///< [N+1, D]
  nn::Linear hidden;         ///< W1 [D, (L+1) D], without bias
  nn::Linear output;         ///< w2 [1, D] and b [1]

 private:
  struct Parts {
    torch::Tensor sum;       ///< s [B, D]
    torch::Tensor constant;  ///< [B, 1]
    torch::Tensor layer;     ///< W1's part for the history times it [B, D]
  };

  Parts parts_of(const torch::Tensor& history);
  [[nodiscard]] torch::Tensor candidate_weight() const;
};

TORCH_MODULE(DeepFm);

}  // namespace vragent::rec_models::collaborative
