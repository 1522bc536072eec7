// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/dssm.h"

namespace vragent::rec_models::collaborative {

DssmImpl::DssmImpl(const DssmConfig& config)
    : user_table(register_module("user_table", nn::Embedding(config.num_users, config.width))),
      item_table(register_module("item_table", nn::Embedding(config.num_items + 1, config.width))) {
}

NodeVectors DssmImpl::forward() {
  return {.users = user_table->weight, .items = item_table->weight};
}

}  // namespace vragent::rec_models::collaborative
