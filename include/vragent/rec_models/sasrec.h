// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// SASRec (Kang & McAuley 2018) as the MicroLens release has it: learned positions, post-norm blocks
// with ReLU, no bias in the attention's matrices (`recommender.md` 3.2).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models {

struct SasRecConfig {
  std::int64_t width = 512;
  std::int64_t num_blocks = 2;
  std::int64_t num_heads = 2;
  std::int64_t max_len = 10;
  double dropout = 0.1;
};

/// The part of a batch of histories that one process computes.
struct BatchPart {
  nn::BatchRows users;      ///< its rows
  nn::BatchRows positions;  ///< its real positions among those of all rows, pads left out
};

struct SasRecImpl : torch::nn::Module {
  explicit SasRecImpl(const SasRecConfig& config);

  /// Each position sees itself and the real items before it.
  /// @param items vectors of left-padded histories [B, L, D]; L at most max_len (slots count from
  /// the right end)
  /// @param real bool [B, L], false at pads
  /// @return [B, L, D]
  torch::Tensor forward(const torch::Tensor& items, const torch::Tensor& real);

  /// The same with pads left out of all but the attention's small products: what stands at a pad is
  /// zero.
  /// @param vectors [n, D]; places int64 [B, L], rows of `vectors`, 0 at pads
  /// @param part of the batch that these are, for dropout
  /// @return [B, L, D]
  torch::Tensor states(const torch::Tensor& vectors,
                       const torch::Tensor& places,
                       const BatchPart& part = {});

  /// Only the states of the last positions, which see all others; the last block asks for no more.
  /// @return [B, D]; zeros for a row of pads
  torch::Tensor last_states(const torch::Tensor& vectors, const torch::Tensor& places);

  SasRecConfig config;
  nn::Embedding position_embedding;
  nn::LayerNorm layer_norm;
  torch::nn::ModuleList blocks;

 private:
  /// Normed sums of items and positions at the flat places `where` [M] -> [M, D]
  torch::Tensor first_states(const torch::Tensor& vectors,
                             const torch::Tensor& places,
                             const torch::Tensor& where,
                             const nn::BatchRows& rows);
};

TORCH_MODULE(SasRec);

}  // namespace vragent::rec_models
