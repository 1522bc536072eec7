// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What models that score by a dot product give: a vector for every user and every item.
#pragma once

#include <torch/types.h>

namespace vragent::rec_models::collaborative {

/// Score of user u for item i: <users[u], items[i]>.
struct NodeVectors {
  torch::Tensor users;  ///< [U, D]
  torch::Tensor items;  ///< [N+1, D]; row 0 is padding
};

}  // namespace vragent::rec_models::collaborative
