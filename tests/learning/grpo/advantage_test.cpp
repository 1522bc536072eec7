// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/advantage.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

Tensor golden_rewards() {
  return torch::tensor({{2.0, 0.0, 2.0, -1.0}, {3.0, 3.0, 3.0, 3.0}}, torch::kFloat64);
}

Tensor first_then_zeros(std::vector<double> first) {
  return torch::stack({torch::tensor(first, torch::kFloat64), torch::zeros({4}, torch::kFloat64)});
}

TEST(GroupAdvantage, HasTheGoldenValues) {  // grpo.md 1.4
  const Tensor trl = first_then_zeros({.833277781, -.499966669, .833277781, -1.166588894});
  EXPECT_TRUE(test::close(group_advantage(golden_rewards()), trl, 1e-9));
  const Tensor verl = first_then_zeros({.833332778, -.499999667, .833332778, -1.166665889});
  EXPECT_TRUE(test::close(group_advantage(golden_rewards(), "group", 1e-6), verl, 1e-9));
  const Tensor batch = first_then_zeros({.805024637, -.483014782, .805024637, -1.127034492});
  EXPECT_TRUE(test::close(group_advantage(golden_rewards(), "batch"), batch, 1e-9));
  const Tensor none = first_then_zeros({1.25, -.75, 1.25, -1.75});
  EXPECT_TRUE(test::close(group_advantage(golden_rewards(), "none"), none, 1e-12));
}

TEST(GroupAdvantage, IsExactlyZeroWhenAllRewardsOfAGroupAreEqual) {
  for (const char* scale : {"group", "batch", "none"}) {
    for (const float reward : {0.1F, 1.0F / 3, -7.7F, 0.0F}) {
      Tensor rewards = torch::full({2, 16}, reward);
      rewards[1][3] += 1;
      const Tensor advantage = group_advantage(rewards, scale);
      EXPECT_TRUE(advantage[0].eq(0).all().item<bool>()) << scale << " " << reward;
      EXPECT_GT(advantage[1].abs().max().item<float>(), 0.1F);
      EXPECT_EQ(advantage.scalar_type(), torch::kFloat32);
    }
  }
}

TEST(GroupAdvantage, OfASingleAnswerIsZero) {
  EXPECT_TRUE(group_advantage(torch::tensor({{2.0F}, {-1.0F}})).eq(0).all().item<bool>());
  EXPECT_THROW(group_advantage(torch::ones({4})), c10::Error);
}

TEST(AdvantagesOf, WeighTheSumOfRewardsOrEachOfThem) {
  const Tensor form = torch::tensor({{1.0, 0.0, 1.0, 1.0}, {1.0, 1.0, 1.0, 1.0}}, torch::kFloat64);
  const Tensor task =
      torch::tensor({{1.0, -1.0, -1.0, 1.0}, {2.0, 0.0, 0.0, 0.0}}, torch::kFloat64);
  AdvantageConfig config{.reward_weights = {0.5, 1.0}};
  EXPECT_TRUE(
      test::close(advantages_of({form, task}, config), group_advantage(0.5 * form + task), 1e-12));
  config.aggregation = "normalize-then-sum";
  const Tensor sum = 0.5 * group_advantage(form) + group_advantage(task);
  EXPECT_TRUE(test::close(
      advantages_of({form, task}, config), (sum - sum.mean()) / (sum.std() + 1e-4), 1e-12));
  config.reward_weights = {1.0};
  EXPECT_THROW(config.check(), ConfigError);
}

}  // namespace
}  // namespace vragent::learning
