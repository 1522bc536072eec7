// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/policy_gradients.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/small_cases.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/models/causal_lm.h"

namespace vragent::learning {
namespace {

using torch::Tensor;
using Groups = std::vector<std::size_t>;

constexpr double kRate = 3e-2;  // after one update many ratios are outside of the clipping range

/// A policy with what trains it.
struct Learner {
  explicit Learner(const GrpoConfig& config)
      : trained(load_trained_model(config.model,
                                   engine::ChatEncoder(config.model),
                                   config.lora,
                                   config.runtime,
                                   torch::kCPU)),
        gradients(config, trained, comm::alone()),
        optimizer(nn::decay_groups(parameters(), 0.0), config.optim, comm::alone()) {}

  [[nodiscard]] models::TextModel text() const { return trained.language_model.text(); }

  std::vector<nn::NamedParameter> parameters() {
    return nn::trainable_parameters(trained.language_model.module());
  }

  /// The gradients of an update, which replace those before it.
  UpdateSums compute(std::size_t update) {
    optimizer.zero_grad();
    return gradients.compute(update);
  }

  std::vector<Tensor> computed_gradients() {
    std::vector<Tensor> all;
    for (const nn::NamedParameter& item : parameters()) all.push_back(item.tensor.grad().clone());
    return all;
  }

  void step() {
    optimizer.clip_gradients(0);
    optimizer.step(kRate);
  }

  TrainedModel trained;
  PolicyGradients gradients;
  nn::ShardedAdamW optimizer;
};

/// Within 1e-4 of the largest of those that the learner has computed.
void expect_same_gradients(const std::vector<Tensor>& got,
                           Learner& wanted,
                           const std::string& what) {
  const std::vector<Tensor> all = wanted.computed_gradients();
  double largest = 0;
  for (const Tensor& gradient : all)
    largest = std::max(largest, gradient.abs().max().item<double>());
  ASSERT_GT(largest, 0);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_LT(test::max_difference(got[i], all[i]), 1e-4 * largest)
        << what << " " << wanted.parameters()[i].name;
}

/// Four groups of three answers that nobody sampled.
class PolicyGradientsOfMiniBatches : public ::testing::Test {
 protected:
  PolicyGradientsOfMiniBatches() {
    test::write_tiny_lm(folder_.path(), 1, /*tied=*/false);
    config_.model = folder_.path().string();
    config_.batch_prompts = 4;
    config_.group_size = 3;
    config_.mini_prompts = 2;
    config_.micro_prompts = 1;
    config_.sampling.max_tokens = 10;
    config_.loss.kl_coef = 0.1;
    rollout_.group_size = 3;
    for (std::size_t p = 0; p < 4; ++p) {
      rollout_.cases.push_back(&case_);
      rollout_.prompts.push_back({.ids = ids(5 + 3 * p, p)});
    }
    for (const std::size_t length : std::vector<std::size_t>{3, 7, 2, 6, 2, 9, 4, 5, 8, 3, 5, 4}) {
      rollout_.samples.push_back({.ids = ids(length, 17 + rollout_.samples.size()),
                                  .log_probs = std::vector<float>(length, -1.0F),
                                  .finish_reason = "stop"});
      rollout_.replies.emplace_back();
      rollout_.rewards.emplace_back();
    }
    rollout_.advantages = test::randn({4, 3}, 3);
  }

  static std::vector<std::int64_t> ids(std::size_t length, std::size_t start) {
    std::vector<std::int64_t> made;
    for (std::size_t i = 0; i < length; ++i)
      made.push_back(static_cast<std::int64_t>((7 * i + 13 * start) % 200 + 5));
    return made;
  }

  /// Loss of these groups as one batch under the policy, where `sampler` sampled and is the
  /// reference.
  [[nodiscard]] double loss_of(const models::TextModel& policy,
                               const models::TextModel& sampler,
                               const Groups& groups) const {
    const torch::NoGradGuard no_grad;
    const RolloutSlice slice = slice_rows(groups_of(rollout_, groups), 0, 3 * groups.size());
    const Tensor old = answer_log_probs(sampler, slice, 1.0).log_probs;
    const GrpoBatch batch{.log_probs = answer_log_probs(policy, slice, 1.0).log_probs,
                          .old_log_probs = old,
                          .ref_log_probs = old,
                          .mask = slice.mask,
                          .advantages = slice.advantages,
                          .max_completion_length = config_.sampling.max_tokens};
    return grpo_loss(batch, config_.loss).loss.item<double>();
  }

  test::TempDir folder_;
  data::Case case_ = judge_case("case", 1);
  Rollout rollout_;
  GrpoConfig config_;
};

TEST_F(PolicyGradientsOfMiniBatches, BeginAsThoseOfARolloutOfTheFirstAlone) {
  for (const char* type : {"grpo", "dapo", "bnpo", "seq-mean-token-sum-norm"}) {
    config_.loss.type = type;
    Learner cut(config_);
    cut.gradients.begin(rollout_, 7);
    ASSERT_EQ(cut.gradients.updates(), 2);
    const UpdateSums first = cut.compute(0);
    GrpoConfig whole = config_;
    whole.mini_prompts = 0;
    Learner alone(whole);
    alone.gradients.begin(groups_of(rollout_, cut.gradients.groups_in(0)), 7);
    ASSERT_EQ(alone.gradients.updates(), 1);
    const UpdateSums wanted = alone.compute(0);
    EXPECT_NEAR(first.loss, wanted.loss, 1e-6 * std::max(1.0, std::abs(wanted.loss))) << type;
    EXPECT_EQ(first.tokens, wanted.tokens);
    EXPECT_EQ(first.clip_low + first.clip_high, 0) << "the weights that sampled";
    const std::vector<Tensor> got = cut.computed_gradients();
    expect_same_gradients(got, alone, type);
  }
}

/// Two passes: what later updates are compared with is as it was before the first.
TEST_F(PolicyGradientsOfMiniBatches, GoOnAgainstThePolicyThatSampled) {
  config_.updates_per_rollout = 2;
  for (const char* type : {"grpo", "dapo", "dr_grpo"}) {
    config_.loss.type = type;
    const Learner sampler(config_);
    Learner learner(config_);
    learner.gradients.begin(rollout_, 7);
    ASSERT_EQ(learner.gradients.updates(), 4);
    for (std::size_t update = 0; update < 4; ++update) {
      const Groups& groups = learner.gradients.groups_in(update);
      const double wanted = loss_of(learner.text(), sampler.text(), groups);
      const UpdateSums sums = learner.compute(update);
      EXPECT_NEAR(sums.loss, wanted, 1e-4 * std::max(1.0, std::abs(wanted))) << type << update;
      EXPECT_EQ(sums.clip_low + sums.clip_high > 0, update > 0) << type << update;
      if (update > 0) {
        EXPECT_GT(std::abs(loss_of(learner.text(), learner.text(), groups) - wanted), 1e-3)
            << "or the test shows nothing";
      }
      learner.step();
    }
  }
}

TEST_F(PolicyGradientsOfMiniBatches, GoThroughAllGroupsInEachPass) {
  config_.mini_prompts = 1;
  config_.updates_per_rollout = 8;
  config_.loss.kl_coef = 0;
  Learner learner(config_);
  std::vector<std::vector<Groups>> passes;
  for (const std::int64_t step : {7, 7, 8}) {
    learner.gradients.begin(rollout_, step);
    ASSERT_EQ(learner.gradients.updates(), 32);
    std::vector<Groups> order;
    for (std::size_t update = 0; update < 32; ++update)
      order.push_back(learner.gradients.groups_in(update));
    passes.push_back(order);
    bool is_new_order = false;
    for (std::ptrdiff_t at = 0; at < 32; at += 4) {
      std::vector<Groups> pass(order.begin() + at, order.begin() + at + 4);
      is_new_order = is_new_order || !std::equal(pass.begin(), pass.end(), order.begin());
      std::sort(pass.begin(), pass.end());
      EXPECT_EQ(pass, (std::vector<Groups>{{0}, {1}, {2}, {3}}));
    }
    EXPECT_TRUE(is_new_order);
  }
  EXPECT_EQ(passes[0], passes[1]);
  EXPECT_NE(passes[0], passes[2]);
}

TEST_F(PolicyGradientsOfMiniBatches, KnowThoseThatTeachNothing) {
  config_.mini_prompts = 1;
  config_.loss.kl_coef = 0;
  rollout_.advantages[2].zero_();
  Learner learner(config_);
  learner.gradients.begin(rollout_, 0);
  for (std::size_t update = 0; update < 4; ++update) {
    const bool is_flat = learner.gradients.groups_in(update) == Groups{2};
    EXPECT_EQ(learner.gradients.is_flat(update), is_flat);
    EXPECT_EQ(learner.compute(update).tokens == 0, is_flat);
  }
  learner.gradients.begin(groups_of(rollout_, Groups{}), 1);
  EXPECT_EQ(learner.gradients.updates(), 0) << "no group was kept";
}

/// A sampler whose numbers were off, token by token, by what `gap` says.
TEST_F(PolicyGradientsOfMiniBatches, WeighWhatTheSamplerSawOtherwise) {
  config_.mini_prompts = 0;
  config_.loss.kl_coef = 0;
  const RolloutSlice slice = slice_rows(rollout_, 0, 12);
  const Tensor gap =
      (0.8 * test::randn(slice.mask.sizes(), 4)).masked_fill(slice.mask.logical_not(), 0);
  {
    const torch::NoGradGuard no_grad;
    const Learner policy(config_);
    const Tensor seen = answer_log_probs(policy.text(), slice, 1.0).log_probs - gap;
    for (std::size_t row = 0; row < 12; ++row) {
      std::vector<float>& own = rollout_.samples[row].log_probs;
      const auto* first = seen[static_cast<std::int64_t>(row)].const_data_ptr<float>();
      own.assign(first, first + own.size());
    }
  }
  const Tensor tokens = gap.exp();
  const Tensor answers = gap.sum(1, /*keepdim=*/true).exp().expand_as(gap);
  for (const auto& [correction, weights] :
       {std::pair("none", torch::ones_like(gap)),
        std::pair("token-truncate", tokens.clamp_max(3)),
        std::pair("token-mask", tokens.masked_fill(tokens > 3, 0)),
        std::pair("sequence-truncate", answers.clamp_max(3)),
        std::pair("sequence-mask", answers.masked_fill(answers > 3, 0))}) {
    config_.loss.correction = correction;
    Learner learner(config_);
    learner.gradients.begin(rollout_, 7);
    const UpdateSums sums = learner.compute(0);
    const std::vector<Tensor> got = learner.computed_gradients();

    StepMeans means;
    means.add(sums, 1);
    std::map<std::string, double> metrics;
    for (const report::Scalar& scalar : means.scalars()) metrics[scalar.tag] = scalar.value;
    const std::string name = "sampling/importance_sampling_ratio/";
    const Tensor counted = weights.masked_select(slice.mask);
    EXPECT_NEAR(metrics.at(name + "mean"), counted.mean().item<double>(), 1e-4) << correction;
    EXPECT_NEAR(metrics.at(name + "min"), counted.min().item<double>(), 1e-4) << correction;
    EXPECT_NEAR(metrics.at(name + "max"), counted.max().item<double>(), 1e-4) << correction;
    EXPECT_NEAR(
        metrics.at("sampling/sampling_logp_difference/max"), gap.abs().max().item<double>(), 1e-4);

    // Where the policy is the one that sampled, every ratio is one, and log p has its gradient.
    const Tensor terms = -slice.advantages.unsqueeze(1) * weights * slice.mask;
    const Tensor lengths = slice.mask.sum(1);
    EXPECT_NEAR(sums.loss, (terms.sum(1) / lengths).mean().item<double>(), 1e-4) << correction;
    learner.optimizer.zero_grad();
    const Tensor now = answer_log_probs(learner.text(), slice, 1.0).log_probs;
    ((terms * now).sum(1) / lengths).mean().backward();
    expect_same_gradients(got, learner, correction);
  }
}

/// The same group twice, an update each at the same weights: what differs is what adapters drop.
TEST_F(PolicyGradientsOfMiniBatches, DropOtherInputsOfAdaptersInEach) {
  config_.batch_prompts = 2;
  config_.mini_prompts = 1;
  rollout_ = groups_of(rollout_, Groups{1, 1});
  for (const double dropout : {0.0, 0.5}) {
    config_.lora = {.rank = 2, .dropout = dropout};
    Learner learner(config_);
    learner.gradients.begin(rollout_, 0);
    ASSERT_EQ(learner.gradients.updates(), 2);
    std::vector<std::vector<Tensor>> both;
    for (std::size_t update = 0; update < 2; ++update) {
      learner.compute(update);
      both.push_back(learner.computed_gradients());
    }
    bool is_same = true;
    for (std::size_t i = 0; i < both[0].size(); ++i)
      is_same = is_same && both[0][i].equal(both[1][i]);
    EXPECT_EQ(is_same, dropout == 0) << dropout;
  }
}

}  // namespace
}  // namespace vragent::learning
