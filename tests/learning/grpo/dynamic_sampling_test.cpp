// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <utility>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "vragent/learning/grpo/rollout.h"

namespace vragent::learning {
namespace {

/// Scripted sampling: groups of two whose rewards differ where `varied` says so, in order.
class Script {
 public:
  explicit Script(std::vector<bool> varied) : varied_(std::move(varied)) {
    cases_.resize(varied_.size());
    for (std::size_t i = 0; i < cases_.size(); ++i) cases_[i].case_id = std::to_string(i);
  }

  Rollout ask(std::int64_t count, std::int64_t round) {
    rounds.push_back(round);
    Rollout rollout{.group_size = 2};
    for (std::int64_t i = 0; i < count; ++i, ++next_) {
      rollout.cases.push_back(&cases_.at(next_));
      rollout.prompts.emplace_back();
      for (int g = 0; g < 2; ++g) {
        rollout.samples.emplace_back();
        rollout.replies.push_back(cases_[next_].case_id);
        Reward reward;
        reward.task = varied_[next_] ? g : 1;
        rollout.rewards.push_back(reward);
      }
    }
    set_advantages(rollout, {});
    return rollout;
  }

  SampledStep sample(std::int64_t wanted, std::int64_t max_extra_rounds) {
    return sample_step([this](std::int64_t count, std::int64_t round) { return ask(count, round); },
                       wanted,
                       max_extra_rounds,
                       {});
  }

  std::vector<std::int64_t> rounds;

 private:
  std::vector<bool> varied_;
  std::vector<data::Case> cases_;
  std::size_t next_ = 0;
};

std::vector<std::string> ids_of(const Rollout& rollout) {
  std::vector<std::string> ids;
  for (const data::Case* row : rollout.cases) ids.push_back(row->case_id);
  return ids;
}

TEST(SampleStep, AsksForWhatIsMissingUntilEveryGroupVaries) {
  Script script({true, false, false, false, true, true, true});
  const SampledStep step = script.sample(3, 10);
  EXPECT_EQ(script.rounds, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(ids_of(step.all), (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
  EXPECT_EQ(ids_of(step.learnt()), (std::vector<std::string>{"0", "4", "5"}));
  EXPECT_EQ(step.kept.replies, (std::vector<std::string>{"0", "0", "4", "4", "5", "5"}));
  EXPECT_EQ(step.rounds, 3);
  ASSERT_EQ(step.all.advantages.size(0), 6);
  for (std::int64_t p = 0; p < 6; ++p)
    EXPECT_EQ((step.all.advantages[p] != 0).any().item<bool>(),
              step.is_kept[static_cast<std::size_t>(p)]);
  EXPECT_TRUE(step.all.advantages[4].equal(step.kept.advantages[1]));
}

TEST(SampleStep, LearnsFromFewerGroupsAtTheLimit) {
  Script script({true, false, false, false, false, true});
  const SampledStep step = script.sample(2, 2);
  EXPECT_EQ(step.rounds, 3);
  EXPECT_EQ(ids_of(step.learnt()), (std::vector<std::string>{"0"}));
  EXPECT_EQ(step.all.cases.size(), 4);
}

TEST(SampleStep, MayEndWithoutAnyGroup) {
  Script script({false, false, false, false});
  const SampledStep step = script.sample(2, 1);
  EXPECT_TRUE(step.learnt().cases.empty());
  EXPECT_EQ(step.kept.advantages.sizes(), (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(step.all.advantages.abs().sum().item<float>(), 0.0F);
}

TEST(SampleStep, DropsNothingWhereItIsOff) {
  Script script({true, false});
  const SampledStep step = script.sample(2, 0);
  EXPECT_EQ(step.learnt().cases.size(), 2);
  EXPECT_TRUE(step.is_kept.empty());
  EXPECT_EQ(script.rounds.size(), 1);
}

}  // namespace
}  // namespace vragent::learning
