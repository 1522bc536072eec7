// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/advantage.h"

namespace vragent::learning {

torch::Tensor group_advantage(const torch::Tensor& rewards, const std::string& scale, double eps) {
  TORCH_CHECK(rewards.dim() == 2, "group_advantage: want [P, G], got ", rewards.sizes());
  const torch::Tensor centred = rewards - rewards.mean(1, /*keepdim=*/true);
  // Rounding can leave a residue where all rewards are equal: such a group has nothing to teach.
  const torch::Tensor varied =
      std::get<0>(rewards.max(1, true)) != std::get<0>(rewards.min(1, true));
  const auto spread = [&](const torch::Tensor& x, at::OptionalIntArrayRef dim) {
    return x.numel() > 1 ? x.std(dim, /*correction=*/1, /*keepdim=*/true) : torch::zeros_like(x);
  };
  torch::Tensor advantage = centred;
  if (scale == "group" && rewards.size(1) > 1) advantage = centred / (spread(rewards, 1) + eps);
  if (scale == "batch") advantage = centred / (spread(rewards.flatten(), 0) + eps);
  return torch::where(varied, advantage, torch::zeros_like(advantage));
}

}  // namespace vragent::learning
