// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// GRU4Rec (Hidasi et al. 2016) as the MicroLens release has it: dropout on the inputs, one
// recurrent layer without bias, its states as outputs; pads are fed like items
// (`recommender.md` 3.2).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models {

struct Gru4RecConfig {
  std::int64_t width = 512;
  double dropout = 0.1;
};

struct Gru4RecImpl : torch::nn::Module {
  explicit Gru4RecImpl(const Gru4RecConfig& config);

  /// items [B, L, D], left-padded -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& items, nn::BatchRows rows = {});

  Gru4RecConfig config;
  nn::Linear input;   ///< weight_ih [3D, D]: reset, update, new
  nn::Linear hidden;  ///< weight_hh [3D, D]
};

TORCH_MODULE(Gru4Rec);

}  // namespace vragent::rec_models
