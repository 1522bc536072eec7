// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/vbpr.h"

namespace vragent::rec_models::collaborative {

VbprImpl::VbprImpl(const VbprConfig& config, const torch::Tensor& features)
    : user_table(register_module("user_table", nn::Embedding(config.num_users, config.width))),
      item_table(
          register_module("item_table", nn::Embedding(config.num_items + 1, config.width / 2))),
      project(register_module("project",
                              nn::Linear(features.size(1), config.width / 2, /*with_bias=*/false))),
      features_(features) {
  TORCH_CHECK(features.size(0) == config.num_items + 1,
              "vbpr: features ",
              features.sizes(),
              " for ",
              config.num_items,
              " items");
}

NodeVectors VbprImpl::forward() {
  const torch::Tensor seen = project(features_.to(project->weight.dtype()));
  return {.users = user_table->weight, .items = torch::cat({item_table->weight, seen}, 1)};
}

void VbprImpl::to_device(torch::Device device) {
  to(device);
  features_ = features_.to(device);
}

}  // namespace vragent::rec_models::collaborative
