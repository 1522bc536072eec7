// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/grpo_loss.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

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

  [[nodiscard]] static GrpoLossConfig config(const std::string& type, double kl_coef = 0.04) {
    return {.type = type, .clip_low = 0.2, .clip_high = 0.28, .kl_coef = kl_coef};
  }

  [[nodiscard]] static GrpoLossConfig verl(const std::string& type, double kl_coef) {
    return {.type = type, .dual_clip = 3, .kl_coef = kl_coef};
  }

  [[nodiscard]] double value(const GrpoLossConfig& config) const {
    return grpo_loss(batch, config).part_of_update(1).item<double>();
  }

  Tensor gradient(const GrpoLossConfig& config) {
    return torch::autograd::grad({grpo_loss(batch, config).part_of_update(1)},
                                 {batch.log_probs})[0];
  }

  GrpoBatch batch{.max_completion_length = 6};
};

TEST_F(GrpoObjective, HasTheGoldenValues) {
  EXPECT_NEAR(value(config("grpo")), .432687544865, 1e-11);
  EXPECT_NEAR(value(config("bnpo")), .170237321053, 1e-11);
  EXPECT_NEAR(value(config("dr_grpo")), .085118660527, 1e-11);
  EXPECT_NEAR(value(config("grpo", 0)), .427050845501, 1e-11);
  EXPECT_NEAR(value(config("bnpo", 0)), .166170246118, 1e-11);
  EXPECT_NEAR(value(config("dapo")), .170237321053, 1e-11);
  EXPECT_NEAR(value(config("dapo", 0)), .166170246118, 1e-11);
  GrpoLossConfig capped = config("grpo");
  capped.delta = 1.5;
  EXPECT_NEAR(value(capped), .312171063330, 1e-11);
  capped.type = "bnpo";
  EXPECT_NEAR(value(capped), .049720839519, 1e-11);
  GrpoLossConfig sequence = config("grpo");
  sequence.importance_level = "sequence";
  EXPECT_NEAR(value(sequence), .304351136965, 1e-11);
  EXPECT_NEAR(value(config("gspo")), .304351136965, 1e-11);
}

TEST_F(GrpoObjective, HasVerlsGoldenValues) {
  batch.max_completion_length = 4;
  const auto expect = [&](const std::string& type, double policy, double total) {
    EXPECT_NEAR(value(verl(type, 0)), policy, 1e-11) << type;
    EXPECT_NEAR(value(verl(type, 0.001)), total, 1e-11) << type;
  };
  expect("token-mean", .137875986806, .137977663679);
  expect("seq-mean-token-mean", .396534361623, .396675279106);
  expect("seq-mean-token-sum", .413627960417, .413932991037);
  expect("seq-mean-token-sum-norm", .310220970312, .310449743278);
}

TEST_F(GrpoObjective, WeighsWhatTheSamplerComputedOtherwise) {
  batch.sampler_log_probs =
      matrix({{-1.0, -0.7, -1.5, -0.6}, {-0.4, -1.6, -2.9, 0}, {-1.2, -0.4, -1.4, -1.0}});
  const GrpoLossConfig plain = config("grpo", 0);
  const auto row_losses = [&](const std::string& correction) {
    GrpoLossConfig one = plain;
    one.correction = correction;
    std::vector<double> losses;
    for (std::int64_t row = 0; row < 3; ++row) {
      GrpoBatch part = batch;
      for (Tensor* x : {&part.log_probs,
                        &part.old_log_probs,
                        &part.sampler_log_probs,
                        &part.mask,
                        &part.advantages})
        *x = x->narrow(0, row, 1);
      losses.push_back(grpo_loss(part, one).loss.item<double>());
    }
    return losses;
  };
  const auto uncorrected = row_losses("none");
  const auto masked = row_losses("sequence-mask");
  EXPECT_NEAR(masked[0], uncorrected[0] * 1.105170918, 1e-9);
  EXPECT_EQ(masked[1], 0) << "a ratio of 4.055 is above the cap of 3";
  EXPECT_NEAR(masked[2], uncorrected[2] * .272531793, 1e-9);
  EXPECT_NEAR(row_losses("sequence-truncate")[1], uncorrected[1] * 3.0, 1e-9);

  GrpoLossConfig by_token = plain;
  by_token.correction = "token-truncate";
  const GrpoLoss loss = grpo_loss(batch, by_token);
  EXPECT_NEAR(loss.correction_most, 3.0, 1e-12);
  EXPECT_NEAR(loss.correction_least, std::exp(-1.3), 1e-9);
  by_token.correction = "token-mask";
  EXPECT_LT(grpo_loss(batch, by_token).correction_most, 3.0);
}

TEST_F(GrpoObjective, CountsTheDivergenceAsAsked) {
  const auto kl = [&](const std::string& estimator, double clamp) {
    GrpoLossConfig one = config("bnpo", 1.0);
    one.kl_estimator = estimator;
    one.kl_clamp = clamp;
    return grpo_loss(batch, one).kl;
  };
  const Tensor gap = (batch.ref_log_probs - batch.log_probs.detach()).masked_select(batch.mask);
  EXPECT_NEAR(kl("k1", 0), (-gap).mean().item<double>(), 1e-12);
  EXPECT_NEAR(kl("k2", 0), (gap.square() / 2).mean().item<double>(), 1e-12);
  EXPECT_NEAR(kl("k3", 0), .101676873388, 1e-11);
  EXPECT_NEAR(kl("k1", 0.05), (-gap).clamp(-0.05, 0.05).mean().item<double>(), 1e-12);
}

TEST_F(GrpoObjective, WeighsTheDivergenceByTheRatioWhenAsked) {
  GrpoLossConfig weighted = config("bnpo", 1.0);
  weighted.kl_by_ratio = true;
  const Tensor kl =
      (batch.ref_log_probs - batch.log_probs).exp() - (batch.ref_log_probs - batch.log_probs) - 1;
  const Tensor ratio = (batch.log_probs - batch.old_log_probs).exp();
  const Tensor wanted = (kl * ratio).masked_select(batch.mask).mean();
  EXPECT_NEAR(value(weighted) - value(config("bnpo", 0)), wanted.item<double>(), 1e-12);
  EXPECT_TRUE(test::close(gradient(weighted) - gradient(config("bnpo", 0)),
                          torch::autograd::grad({wanted}, {batch.log_probs})[0],
                          1e-12));
}

TEST_F(GrpoObjective, RewardsEntropy) {
  batch.entropy = batch.log_probs.detach().abs() * 0.3;
  const auto bonus_of = [&](const std::string& type) {
    GrpoLossConfig with_bonus = config(type);
    with_bonus.entropy_coef = 0.01;
    return value(config(type)) - value(with_bonus);
  };
  const Tensor counted = batch.entropy.masked_select(batch.mask);
  for (const char* type : {"grpo", "bnpo", "dapo", "dr_grpo", "gspo", "cispo", "token-mean"})
    EXPECT_NEAR(bonus_of(type), 0.01 * counted.mean().item<double>(), 1e-12) << type;
  EXPECT_NEAR(bonus_of("seq-mean-token-sum"), 0.01 * counted.sum().item<double>() / 3, 1e-12);
}

TEST_F(GrpoObjective, UsesTheClippedRatioAsAWeightInCispo) {
  GrpoLossConfig cispo = config("cispo", 0);
  cispo.clip_high = 1.2;
  const Tensor ratio = (batch.log_probs.detach() - batch.old_log_probs).exp().clamp_max(1.2);
  const Tensor wanted = -ratio * batch.advantages.unsqueeze(1) / 9;
  EXPECT_TRUE(test::close(gradient(cispo), wanted.masked_fill(batch.mask.logical_not(), 0), 1e-12));
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
  for (const char* type : {"grpo",
                           "bnpo",
                           "dapo",
                           "dr_grpo",
                           "gspo",
                           "token-mean",
                           "seq-mean-token-mean",
                           "seq-mean-token-sum",
                           "seq-mean-token-sum-norm"}) {
    const Tensor numeric =
        test::numeric_gradient([&] { return value(config(type)); }, batch.log_probs);
    EXPECT_TRUE(test::close(gradient(config(type)), numeric, 1e-8)) << type;
  }
}

/// Each of these changes the gradient that those before it have left.
TEST_F(GrpoObjective, HasTrueGradientsWithEverySetting) {
  batch.sampler_log_probs = batch.ref_log_probs;
  GrpoLossConfig changed{.type = "bnpo", .kl_coef = 1};
  Tensor before = gradient(changed);
  int number = 0;
  for (const auto& change : std::vector<void (*)(GrpoLossConfig&)>{
           [](GrpoLossConfig& c) { c.kl_clamp = 0.15; },
           [](GrpoLossConfig& c) { c.kl_estimator = "k2"; },
           [](GrpoLossConfig& c) { c.kl_clamp = 0; },
           [](GrpoLossConfig& c) { c.kl_estimator = "k1"; },
           [](GrpoLossConfig& c) { c.kl_clamp = 0.15; },
           [](GrpoLossConfig& c) { c.kl_by_ratio = true; },
           [](GrpoLossConfig& c) { c.delta = 1.5; },
           [](GrpoLossConfig& c) { c.delta = 0; },
           [](GrpoLossConfig& c) { c.dual_clip = 3; },
           [](GrpoLossConfig& c) { c.importance_level = "sequence"; },
           [](GrpoLossConfig& c) { c.correction = "sequence-truncate"; },
           [](GrpoLossConfig& c) { c.correction_cap = 1.2; },
           [](GrpoLossConfig& c) { c.correction = "token-mask"; }}) {
    change(changed);
    changed.check();
    const Tensor got = gradient(changed);
    const Tensor numeric = test::numeric_gradient([&] { return value(changed); }, batch.log_probs);
    EXPECT_TRUE(test::close(got, numeric, 1e-8)) << number;
    EXPECT_GT(test::max_difference(got, before), 1e-3) << number << ": or it shows nothing";
    before = got;
    ++number;
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
  batch.total_tokens = 9;
  for (const char* type : {"grpo", "dapo", "dr_grpo", "gspo", "token-mean", "seq-mean-token-sum"}) {
    double sum = 0;
    for (const auto& [begin, count] : {std::pair(0, 1), std::pair(1, 2)}) {
      sum += grpo_loss(rows(begin, count), config(type)).loss.item<double>() *
             micro_batch_share(config(type), count, 3, 2);
    }
    EXPECT_NEAR(sum, value(config(type)), 1e-12) << type;
  }
  // bnpo is the mean of the micro-batches' own token means, so cutting changes it.
  const double first = grpo_loss(rows(0, 1), config("bnpo")).loss.item<double>();
  const double rest = grpo_loss(rows(1, 2), config("bnpo")).loss.item<double>();
  EXPECT_EQ(micro_batch_share(config("bnpo"), 1, 3, 2), 0.5);
  EXPECT_GT(std::abs((first + rest) / 2 - value(config("bnpo"))), 1e-3);
}

TEST_F(GrpoObjective, StaysFiniteWithEmptyAnswers) {
  batch.mask[1].fill_(false);
  for (const char* type : {"grpo", "bnpo", "dapo", "dr_grpo", "gspo", "seq-mean-token-mean"})
    EXPECT_TRUE(std::isfinite(value(config(type)))) << type;
  const double bnpo = value(config("bnpo"));
  for (Tensor* x : {&batch.log_probs,
                    &batch.old_log_probs,
                    &batch.ref_log_probs,
                    &batch.mask,
                    &batch.advantages})
    *x = x->index_select(0, torch::tensor({0, 2}));
  EXPECT_NEAR(value(config("bnpo")), bnpo, 1e-12) << "an answer without tokens weighs nothing";
  batch.mask.fill_(false);
  for (const char* type : {"grpo", "bnpo", "dapo", "dr_grpo", "gspo", "seq-mean-token-mean"})
    EXPECT_EQ(value(config(type)), 0) << type;
}

TEST_F(GrpoObjective, RefusesShapesAndSettingsThatDoNotFit) {
  EXPECT_THROW(config("ppo").check(), ConfigError);
  EXPECT_THROW((GrpoLossConfig{.clip_low = -0.1}).check(), ConfigError);
  batch.advantages = batch.advantages.narrow(0, 0, 2);
  EXPECT_THROW(grpo_loss(batch, config("grpo")), c10::Error);
}

}  // namespace
}  // namespace vragent::learning
