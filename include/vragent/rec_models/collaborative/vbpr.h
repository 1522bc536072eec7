// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// VBPR (He & McAuley 2016) as the MicroLens release has it: half of a vector belongs to the id,
// half is projected from features, scored together (`recommender.md` 3.5, DSSM_ID+V).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>

#include "vragent/nn/layers.h"
#include "vragent/rec_models/collaborative/node_vectors.h"

namespace vragent::rec_models::collaborative {

struct VbprConfig {
  std::int64_t num_users = 0;
  std::int64_t num_items = 0;
  std::int64_t width = 512;  ///< D, even
};

struct VbprImpl : torch::nn::Module {
  /// @param features [N+1, F]
  VbprImpl(const VbprConfig& config, const torch::Tensor& features);

  /// users [U, D]; items [N+1, D] = [id ; W f].
  NodeVectors forward();

  void to_device(torch::Device device);

  nn::Embedding user_table;  ///< [U, D]: likings of ids, likings of features
  nn::Embedding item_table;  ///< [N+1, D/2]
  nn::Linear project;        ///< W [D/2, F], without bias

 private:
  torch::Tensor features_;
};

TORCH_MODULE(Vbpr);

}  // namespace vragent::rec_models::collaborative
