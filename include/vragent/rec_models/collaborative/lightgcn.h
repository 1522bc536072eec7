// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// LightGCN (He et al. 2020): vectors of users and items, averaged over what the graph passes along
// (`recommender.md` 3.5).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>

#include "vragent/nn/layers.h"
#include "vragent/rec_models/collaborative/graph.h"
#include "vragent/rec_models/collaborative/node_vectors.h"

namespace vragent::rec_models::collaborative {

struct LightGcnConfig {
  std::int64_t num_users = 0;
  std::int64_t num_items = 0;
  std::int64_t width = 512;
  std::int64_t num_layers = 1;
};

struct LightGcnImpl : torch::nn::Module {
  explicit LightGcnImpl(const LightGcnConfig& config);

  /// mean(E_0, ..., E_L), E_l = A E_{l-1}. @param adjacency with EdgeWeight::kSymmetric
  NodeVectors forward(const Adjacency& adjacency);

  LightGcnConfig config;
  nn::Embedding user_table;  ///< [U, D]
  nn::Embedding item_table;  ///< [N+1, D]
};

TORCH_MODULE(LightGcn);

}  // namespace vragent::rec_models::collaborative
