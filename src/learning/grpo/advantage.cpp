// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/advantage.h"

#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::learning {

namespace {

/// bool [P, 1]: whether the rewards of a group differ.
torch::Tensor differ(const torch::Tensor& rewards) {
  return std::get<0>(rewards.max(1, true)) != std::get<0>(rewards.min(1, true));
}

/// @throws c10::Error unless there are as many as weights
torch::Tensor weighted_sum(const std::vector<torch::Tensor>& rewards,
                           const AdvantageConfig& config) {
  TORCH_CHECK(rewards.size() == config.reward_weights.size(), "as many rewards as weights");
  torch::Tensor sum = torch::zeros_like(rewards.front());
  for (std::size_t i = 0; i < rewards.size(); ++i) sum += config.reward_weights[i] * rewards[i];
  return sum;
}

}  // namespace

torch::Tensor group_advantage(const torch::Tensor& rewards, const std::string& scale, double eps) {
  TORCH_CHECK(rewards.dim() == 2, "group_advantage: want [P, G], got ", rewards.sizes());
  const torch::Tensor centred = rewards - rewards.mean(1, /*keepdim=*/true);
  // Rounding can leave a residue where all rewards are equal: such a group has nothing to teach.
  const torch::Tensor varied = differ(rewards);
  const auto spread = [&](const torch::Tensor& x, at::OptionalIntArrayRef dim) {
    return x.numel() > 1 ? x.std(dim, /*correction=*/1, /*keepdim=*/true) : torch::zeros_like(x);
  };
  torch::Tensor advantage = centred;
  if (scale == "group" && rewards.size(1) > 1) advantage = centred / (spread(rewards, 1) + eps);
  if (scale == "batch") advantage = centred / (spread(rewards.flatten(), 0) + eps);
  return torch::where(varied, advantage, torch::zeros_like(advantage));
}

void AdvantageConfig::check() const {
  check_one_of("scale", scale, {"group", "batch", "none"});
  check_range("eps", eps, 0, 1);
  check_one_of("aggregation", aggregation, {"sum-then-normalize", "normalize-then-sum"});
  if (reward_weights.size() != 2)
    throw ConfigError(
        "--advantage.reward-weights takes two numbers: of the format and of the task");
}

torch::Tensor advantages_of(const std::vector<torch::Tensor>& rewards,
                            const AdvantageConfig& config) {
  if (config.aggregation == "sum-then-normalize")
    return group_advantage(weighted_sum(rewards, config), config.scale, config.eps);
  std::vector<torch::Tensor> normalized;
  for (const torch::Tensor& each : rewards)
    normalized.push_back(group_advantage(each, "group", config.eps));
  const torch::Tensor sum = weighted_sum(normalized, config);
  if (sum.numel() < 2) return torch::zeros_like(sum);
  return (sum - sum.mean()) / (sum.std() + config.eps);
}

torch::Tensor have_variance(const std::vector<torch::Tensor>& rewards,
                            const AdvantageConfig& config) {
  TORCH_CHECK(rewards.size() == config.reward_weights.size(), "as many rewards as weights");
  if (config.aggregation == "sum-then-normalize")
    return differ(weighted_sum(rewards, config)).squeeze(1);
  torch::Tensor varied = torch::zeros({rewards.front().size(0)}, torch::kBool);
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    if (config.reward_weights[i] != 0) varied = varied.logical_or(differ(rewards[i]).squeeze(1));
  }
  return varied;
}

}  // namespace vragent::learning
