// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/lightgcn.h"

namespace vragent::rec_models::collaborative {

using torch::Tensor;

LightGcnImpl::LightGcnImpl(const LightGcnConfig& c)
    : config(c),
      user_table(register_module("user_table", nn::Embedding(c.num_users, c.width))),
      item_table(register_module("item_table", nn::Embedding(c.num_items + 1, c.width))) {}

NodeVectors LightGcnImpl::forward(const Adjacency& adjacency) {
  const Tensor mean = propagate_mean(
      adjacency, torch::cat({user_table->weight, item_table->weight}), config.num_layers);
  return {.users = mean.narrow(0, 0, config.num_users),
          .items = mean.narrow(0, config.num_users, config.num_items + 1)};
}

}  // namespace vragent::rec_models::collaborative
