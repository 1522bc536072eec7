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

struct SasRecImpl : torch::nn::Module {
  explicit SasRecImpl(const SasRecConfig& config);

  /// Each position sees itself and the real items before it.
  /// @param items vectors of left-padded histories [B, L, D]; L at most max_len (slots count from
  /// the right end)
  /// @param real bool [B, L], false at pads
  /// @param rows of the batch, for dropout
  /// @return [B, L, D]
  torch::Tensor forward(const torch::Tensor& items,
                        const torch::Tensor& real,
                        nn::BatchRows rows = {});

  SasRecConfig config;
  nn::Embedding position_embedding;
  nn::LayerNorm layer_norm;
  torch::nn::ModuleList blocks;
};

TORCH_MODULE(SasRec);

}  // namespace vragent::rec_models
