// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo_loss.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/tensor_matchers.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

Tensor matrix(const std::vector<std::vector<double>>& rows) {
  std::vector<Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(torch::tensor(row, torch::kFloat64));
  return torch::stack(tensors);
}

/// Inputs of grpo.md 1.4.
class GrpoObjective : public ::testing::Test {
 protected:
  GrpoObjective() {
    batch.log_probs =
        matrix({{-1.0, -0.5, -2.0, -0.1}, {-0.7, -1.5, -0.2, 0}, {-3.0, -0.4, -0.9, -1.1}});
    batch.old_log_probs =
        matrix({{-1.1, -0.5, -1.5, -0.6}, {-0.4, -1.6, -1.5, 0}, {-2.5, -0.4, -1.4, -1.0}});
    batch.ref_log_probs =
        matrix({{-1.2, -0.6, -1.9, -0.2}, {-0.8, -1.0, -0.3, 0}, {-2.0, -0.5, -1.0, -1.3}});
    batch.mask = matrix({{1, 1, 1, 1}, {1, 1, 1, 0}, {1, 1, 0, 0}}).to(torch::kBool);
    batch.advantages = torch::tensor({1.0, -0.5, -1.5}, torch::kFloat64);
    batch.log_probs.requires_grad_();
  }

  [[nodiscard]] static GrpoLossConfig config(const std::string& aggregation,
                                             double kl_coef = 0.04) {
    return {.clip_low = 0.2, .clip_high = 0.28, .kl_coef = kl_coef, .aggregation = aggregation};
  }

  [[nodiscard]] double value(const GrpoLossConfig& config) const {
    return grpo_loss(batch, config).loss.item<double>();
  }

  Tensor gradient(const GrpoLossConfig& config) {
    return torch::autograd::grad({grpo_loss(batch, config).loss}, {batch.log_probs})[0];
  }

  GrpoBatch batch{.max_completion_length = 6};
};

TEST_F(GrpoObjective, HasTheGoldenValues) {
  EXPECT_NEAR(value(config("grpo")), .432687544865, 1e-11);
  EXPECT_NEAR(value(config("bnpo")), .170237321053, 1e-11);
  EXPECT_NEAR(value(config("dr_grpo")), .085118660527, 1e-11);
  EXPECT_NEAR(value(config("grpo", 0)), .427050845501, 1e-11);
  EXPECT_NEAR(value(config("bnpo", 0)), .166170246118, 1e-11);
}

TEST_F(GrpoObjective, HasTheGoldenDivergenceAndClipShares) {
  const GrpoLoss loss = grpo_loss(batch, config("grpo"));
  EXPECT_NEAR(loss.kl, .101676873388, 1e-11);
  EXPECT_NEAR(loss.clip_low_share, 2.0 / 9, 1e-12);
  EXPECT_NEAR(loss.clip_high_share, 1.0 / 9, 1e-12);
}

TEST_F(GrpoObjective, HasTheGoldenGradients) {
  EXPECT_TRUE(test::close(gradient(config("grpo")),
                          matrix({{-.0914933, -.0830161, -.0508948, .0003172},
                                  {.0004229, .0585152, .2042728, 0},
                                  {-.0114552, .2506344, 0, 0}}),
                          6e-8));
  EXPECT_TRUE(test::close(gradient(config("bnpo")),
                          matrix({{-.1219911, -.1106882, -.0678597, .0004229},
                                  {.0004229, .0585152, .2042728, 0},
                                  {-.0076368, .1670896, 0, 0}}),
                          6e-8));
}

TEST_F(GrpoObjective, HasTrueGradients) {
  for (const char* aggregation : {"grpo", "bnpo", "dr_grpo"}) {
    const Tensor numeric =
        test::numeric_gradient([&] { return value(config(aggregation)); }, batch.log_probs);
    EXPECT_TRUE(test::close(gradient(config(aggregation)), numeric, 1e-8)) << aggregation;
  }
}

TEST_F(GrpoObjective, TakesMissingOldLogProbsAsThoseThatLearn) {
  batch.old_log_probs = Tensor();
  const GrpoLoss loss = grpo_loss(batch, config("bnpo", 0));
  EXPECT_EQ(loss.clip_low_share, 0);
  EXPECT_EQ(loss.clip_high_share, 0);
  // The ratio is one everywhere: the gradient is REINFORCE's with the advantage as return.
  const Tensor wanted =
      -batch.advantages.unsqueeze(1) * batch.mask.to(torch::kFloat64) / batch.mask.sum();
  EXPECT_TRUE(test::close(gradient(config("bnpo", 0)), wanted, 1e-12));
}

TEST_F(GrpoObjective, IgnoresWhateverStandsBehindAnAnswer) {
  const double wanted = value(config("grpo"));
  const Tensor gradient_wanted = gradient(config("grpo"));
  const Tensor outside = batch.mask.logical_not();
  for (const double garbage :
       {1e4, -1e4, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    batch.log_probs = batch.log_probs.detach().masked_fill(outside, garbage).requires_grad_();
    batch.old_log_probs = batch.old_log_probs.masked_fill(outside, -garbage);
    batch.ref_log_probs = batch.ref_log_probs.masked_fill(outside, garbage);
    EXPECT_EQ(value(config("grpo")), wanted) << garbage;
    EXPECT_TRUE(test::close(gradient(config("grpo")), gradient_wanted, 0)) << garbage;
  }
}

TEST_F(GrpoObjective, IsTheSumOfItsPartsWeightedByTheirShare) {
  const auto rows = [&](std::int64_t begin, std::int64_t count) {
    GrpoBatch part = batch;
    for (Tensor* x :
         {&part.log_probs, &part.old_log_probs, &part.ref_log_probs, &part.mask, &part.advantages})
      *x = x->narrow(0, begin, count);
    return part;
  };
  for (const char* aggregation : {"grpo", "bnpo", "dr_grpo"}) {
    const bool by_token = std::string(aggregation) == "bnpo";
    double sum = 0;
    for (const auto& [begin, count] : {std::pair(0, 1), std::pair(1, 2)}) {
      const GrpoBatch part = rows(begin, count);
      const double share = by_token ? part.mask.sum().item<double>() / 9 : count / 3.0;
      sum += grpo_loss(part, config(aggregation)).loss.item<double>() * share;
    }
    EXPECT_NEAR(sum, value(config(aggregation)), 1e-12) << aggregation;
  }
}

TEST_F(GrpoObjective, StaysFiniteWithEmptyAnswers) {
  batch.mask[1].fill_(false);
  for (const char* aggregation : {"grpo", "bnpo", "dr_grpo"})
    EXPECT_TRUE(std::isfinite(value(config(aggregation)))) << aggregation;
  const double bnpo = value(config("bnpo"));
  for (Tensor* x : {&batch.log_probs,
                    &batch.old_log_probs,
                    &batch.ref_log_probs,
                    &batch.mask,
                    &batch.advantages})
    *x = x->index_select(0, torch::tensor({0, 2}));
  EXPECT_NEAR(value(config("bnpo")), bnpo, 1e-12) << "an answer without tokens weighs nothing";
  batch.mask.fill_(false);
  for (const char* aggregation : {"grpo", "bnpo", "dr_grpo"})
    EXPECT_EQ(value(config(aggregation)), 0) << aggregation;
}

TEST_F(GrpoObjective, RefusesShapesAndSettingsThatDoNotFit) {
  EXPECT_THROW(config("dapo").check(), ConfigError);
  EXPECT_THROW((GrpoLossConfig{.clip_low = -0.1}).check(), ConfigError);
  batch.advantages = batch.advantages.narrow(0, 0, 2);
  EXPECT_THROW(grpo_loss(batch, config("grpo")), c10::Error);
}

}  // namespace
}  // namespace vragent::learning
