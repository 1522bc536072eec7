// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Group-relative advantage (paper Eq. 3; DeepSeekMath section 4.1).
#pragma once

#include <string>

#include <torch/types.h>

namespace vragent::learning {

/// (r - mean) / (std + eps) for each group of answers to one prompt, with the sample standard
/// deviation (n - 1). A group whose rewards are all equal gives exact zeros.
/// @param rewards [P, G]
/// @param scale group: std of the group; batch: std of all rewards; none: no division
/// @return [P, G] of the rewards' type
torch::Tensor group_advantage(const torch::Tensor& rewards,
                              const std::string& scale = "group",
                              double eps = 1e-4);

}  // namespace vragent::learning
