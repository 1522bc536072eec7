// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// NextItNet (Yuan et al. 2019) as the MicroLens release has it: residual blocks of two causal
// dilated convolutions; pads are fed like items, the final layer of the paper is not used
// (`recommender.md` 3.2).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models {

struct NextItNetConfig {
  std::int64_t width = 512;
  std::int64_t kernel = 3;
  std::vector<std::int64_t> dilations = {1, 4, 1, 4};
};

struct NextItNetImpl : torch::nn::Module {
  explicit NextItNetImpl(const NextItNetConfig& config);

  /// items [B, L, D], left-padded -> [B, L, D]
  /// @param is_real [B, L, 1], 0 at pads, where `items` are zeros: pads then count as nothing, as
  /// if the history began behind them; undefined feeds them
  torch::Tensor forward(const torch::Tensor& items, const torch::Tensor& is_real = {});

  NextItNetConfig config;
  torch::nn::ModuleList blocks;
};

TORCH_MODULE(NextItNet);

}  // namespace vragent::rec_models
