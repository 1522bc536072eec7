// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// DSSM (Huang et al. 2013) as the MicroLens release runs it: without hidden layers, so a table of
// users and one of items (`recommender.md` 3.5).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>

#include "vragent/nn/layers.h"
#include "vragent/rec_models/collaborative/node_vectors.h"

namespace vragent::rec_models::collaborative {

struct DssmConfig {
  std::int64_t num_users = 0;
  std::int64_t num_items = 0;
  std::int64_t width = 512;
};

struct DssmImpl : torch::nn::Module {
  explicit DssmImpl(const DssmConfig& config);

  /// The two tables.
  NodeVectors forward();

  nn::Embedding user_table;  ///< [U, D]
  nn::Embedding item_table;  ///< [N+1, D]
};

TORCH_MODULE(Dssm);

}  // namespace vragent::rec_models::collaborative
