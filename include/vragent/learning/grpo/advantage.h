// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Group-relative advantage (paper Eq. 3; DeepSeekMath section 4.1).
#pragma once

#include <string>
#include <vector>

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

struct AdvantageConfig {
  std::string scale = "group";
  double eps = 1e-4;
  std::string aggregation = "sum-then-normalize";
  std::vector<double> reward_weights = {1.0, 1.0};

  void visit(auto& v) {
    v("scale", scale, "group, batch or none: whose standard deviation divides");
    v("eps", eps, "added to it (TRL 1e-4, verl 1e-6)");
    v("aggregation",
      aggregation,
      "sum-then-normalize: rewards are added up first; normalize-then-sum: each reward is divided "
      "by its own standard deviation first, and the sum by that of the batch");
    v("reward-weights", reward_weights, "of the format's and the task's reward");
  }

  /// @throws ConfigError
  void check() const;
};

/// Advantages of answers with several rewards (TRL's multi_objective_aggregation).
/// @param rewards [P, G] each, in the order of config.reward_weights
/// @return [P, G]
torch::Tensor advantages_of(const std::vector<torch::Tensor>& rewards,
                            const AdvantageConfig& config);

/// Groups that have something to teach: whose weighted sum of rewards (or, where each reward is
/// divided by its own deviation, any weighted reward) is not the same for all answers.
/// @param rewards as for advantages_of(). @return bool [P]
torch::Tensor have_variance(const std::vector<torch::Tensor>& rewards,
                            const AdvantageConfig& config);

}  // namespace vragent::learning
