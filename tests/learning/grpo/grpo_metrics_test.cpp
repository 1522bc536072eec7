// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/grpo_metrics.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "learning/small_cases.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/util/json.h"

namespace vragent::learning {
namespace {

/// Two judgments and a selection, two answers each.
class GrpoMetrics : public ::testing::Test {
 protected:
  GrpoMetrics() {
    rollout_.group_size = 2;
    const double formats[6] = {1, 0, 1, 1, 0, 0};
    const double tasks[6] = {1, -1, 1, 1, 2, 0};
    for (std::size_t p = 0; p < 3; ++p) {
      rollout_.cases.push_back(&cases_[p]);
      rollout_.prompts.push_back({.ids = std::vector<std::int64_t>(10 + p, 5)});
    }
    for (std::size_t r = 0; r < 6; ++r) {
      rollout_.samples.push_back({.ids = std::vector<std::int64_t>(r + 1, 6),
                                  .log_probs = std::vector<float>(r + 1, 0.0F),
                                  .finish_reason = r == 5 ? "length" : "stop"});
      rollout_.replies.emplace_back();
      Reward reward;
      reward.format = formats[r];
      reward.task = tasks[r];
      reward.correct = tasks[r] > 0;
      rollout_.rewards.push_back(reward);
    }
  }

  std::map<std::string, double> scalars(const AdvantageConfig& advantage) {
    set_advantages(rollout_, advantage);
    std::map<std::string, double> values;
    for (const report::Scalar& scalar : rollout_scalars(rollout_, advantage))
      values[scalar.tag] = scalar.value;
    return values;
  }

  std::vector<data::Case> cases_ = {judge_case("a", 1), judge_case("b", 1), select_case("c", 0)};
  Rollout rollout_;
};

TEST_F(GrpoMetrics, NameEachRewardAsItWasPaidAndTheirWeightedSum) {
  const auto plain = scalars({});
  EXPECT_DOUBLE_EQ(plain.at("rewards/format/mean"), 0.5);
  EXPECT_DOUBLE_EQ(plain.at("rewards/judge/mean"), 0.5);
  EXPECT_DOUBLE_EQ(plain.at("rewards/judge/std"), 1);
  EXPECT_DOUBLE_EQ(plain.at("rewards/select/mean"), 1);
  EXPECT_DOUBLE_EQ(plain.at("rewards/select/std"), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(plain.at("reward"), (2.0 - 1 + 2 + 2 + 2 + 0) / 6);
  EXPECT_DOUBLE_EQ(plain.at("reward_std"), (3 / std::sqrt(2.0) + 0 + std::sqrt(2.0)) / 3);
  EXPECT_DOUBLE_EQ(plain.at("frac_reward_zero_std"), 1.0 / 3);
  const auto weighted = scalars({.reward_weights = {0.25, 2}});
  for (const char* name : {"rewards/format/mean", "rewards/judge/mean", "rewards/select/std"})
    EXPECT_DOUBLE_EQ(weighted.at(name), plain.at(name)) << name;
  EXPECT_DOUBLE_EQ(weighted.at("reward"), (2.25 - 2 + 2.25 + 2.25 + 4 + 0) / 6);
  EXPECT_DOUBLE_EQ(weighted.at("reward_std"), (4.25 / std::sqrt(2.0) + 4 / std::sqrt(2.0)) / 3);
}

TEST_F(GrpoMetrics, GiveTheDeviationThatDivides) {
  const auto batch = scalars({.scale = "batch"});
  double squares = 0;  // around the mean, 7 / 6
  for (const double total : {2.0, -1.0, 2.0, 2.0, 2.0, 0.0})
    squares += (total - 7.0 / 6) * (total - 7.0 / 6);
  EXPECT_DOUBLE_EQ(batch.at("reward_std"), std::sqrt(squares / 5));
  EXPECT_DOUBLE_EQ(scalars({.aggregation = "normalize-then-sum"}).at("reward_std"),
                   batch.at("reward_std"));
}

TEST_F(GrpoMetrics, SeeNoVarianceWhereWhatVariesHasNoWeight) {
  EXPECT_DOUBLE_EQ(scalars({.reward_weights = {1, 0}}).at("frac_reward_zero_std"), 2.0 / 3);
}

TEST_F(GrpoMetrics, CountAPromptWithEachOfItsAnswers) {
  EXPECT_EQ(tokens_seen(rollout_), 2 * (10 + 11 + 12) + 1 + 2 + 3 + 4 + 5 + 6);
}

std::map<std::string, double> values_of(const StepMeans& means) {
  std::map<std::string, double> values;
  for (const report::Scalar& scalar : means.scalars()) values[scalar.tag] = scalar.value;
  return values;
}

TEST_F(GrpoMetrics, AverageOverTheAnswersThatWereComputedIfAny) {
  StepMeans none;
  none.add({}, 0);
  for (const StepMeans& means : {StepMeans(), none}) {
    for (const report::Scalar& scalar : means.scalars())
      EXPECT_EQ(std::isnan(scalar.value), scalar.tag != "loss") << scalar.tag;
    EXPECT_EQ(means.loss(), 0);
    EXPECT_EQ(means.gradient_norm(), 0);
  }
  StepMeans one;
  one.add({.kl = 3, .clip_low = 1, .tokens = 4}, 5);
  const auto values = values_of(one);
  EXPECT_EQ(values.at("kl"), 0.75);
  EXPECT_EQ(values.at("clip_ratio/region_mean"), 0.25);
  EXPECT_EQ(one.gradient_norm(), 5);
}

TEST_F(GrpoMetrics, AverageOverTheUpdatesOfAStep) {
  StepMeans means;
  means.add({.loss = 2,
             .kl = 3,
             .least_clip_low = 0.5,
             .most_clip_high = 0.25,
             .max_log_prob_gap = 0.1,
             .least_correction = 0.5,
             .most_correction = 0.8,
             .tokens = 4},
            1);
  means.add({.loss = 1,
             .kl = 1,
             .least_clip_low = 0,
             .most_clip_high = 0.75,
             .max_log_prob_gap = 0.3,
             .least_correction = 0.75,
             .most_correction = 0.9,
             .tokens = 12},
            3);
  means.add({.loss = 0, .tokens = 0}, 2);  // nothing to learn from
  const auto values = values_of(means);
  EXPECT_EQ(values.at("loss"), 1);
  EXPECT_EQ(means.gradient_norm(), 2);
  EXPECT_EQ(values.at("kl"), 0.25) << "of 16 tokens";
  EXPECT_EQ(values.at("clip_ratio/low_min"), 0.25) << "of two updates";
  EXPECT_EQ(values.at("clip_ratio/high_max"), 0.5);
  EXPECT_EQ(values.at("sampling/sampling_logp_difference/max"), 0.3) << "of all answers";
  EXPECT_EQ(values.at("sampling/importance_sampling_ratio/min"), 0.5);
  EXPECT_EQ(values.at("sampling/importance_sampling_ratio/max"), 0.9);
}

TEST_F(GrpoMetrics, WriteTheWeightedRewardOfEachAnswer) {
  const test::TempDir folder;
  const engine::ChatEncoder encoder(test::write_tiny_lm(folder / "lm", 1));
  const AdvantageConfig advantage{.reward_weights = {0.25, 2}};
  set_advantages(rollout_, advantage);
  const std::vector<std::string> lines = completion_lines(rollout_, 3, encoder, advantage);
  ASSERT_EQ(lines.size(), 6);
  const Json row = parse_json_object(lines[1], "line");
  EXPECT_EQ(row["reward_format"], 0.0);
  EXPECT_EQ(row["reward_task"], -1.0);
  EXPECT_EQ(row["reward"], -2.0);
}

}  // namespace
}  // namespace vragent::learning
