// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Training with several updates a rollout, each of a part of its prompts.
#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/grpo/grpo_training.h"
#include "learning/run_files.h"
#include "vragent/nn/checkpoint.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::learning {
namespace {

class GrpoMiniBatches : public GrpoTraining {
 protected:
  /// The optimiser's updates of a run that has saved its last step.
  static double updates_of(const GrpoResult& result, const GrpoConfig& config) {
    const auto state = nn::load_training_state(
        config.out / ("checkpoint-" + std::to_string(result.steps)) / "state");
    double most = 0;
    for (const auto& [name, count] : state.with_prefix("optimizer.step."))
      most = std::max(most, count.item<double>());
    return most;
  }
};

TEST_F(GrpoMiniBatches, AreTheWholeRolloutWhereOneHoldsAllPrompts) {
  GrpoConfig whole = config("whole-rollout", "mixed.jsonl");
  whole.stages = {"both:0.5"};
  whole.updates_per_rollout = 2;
  run_grpo(whole);
  GrpoConfig one = whole;
  one.out = *folder_ / "one-mini-batch";
  one.mini_prompts = one.batch_prompts;
  run_grpo(one);
  EXPECT_TRUE(test::same_tensors(weights_in(one.out), weights_in(whole.out)));
  EXPECT_EQ(timeless_log(one.out), timeless_log(whole.out));
}

TEST_F(GrpoMiniBatches, MakeAnUpdateEachInEveryPass) {
  GrpoConfig config = this->config("updates", "mixed.jsonl");
  config.stages = {"both:0.5"};
  config.batch_prompts = 4;
  config.mini_prompts = 2;
  config.updates_per_rollout = 2;
  config.save_every = 1;
  const GrpoResult result = run_grpo(config);
  EXPECT_EQ(result.steps, 2);
  EXPECT_EQ(updates_of(result, config), 2 * 2 * 2);
  config.out = *folder_ / "fewer-prompts";
  config.stages = {"judge:1"};  // of 6 cases
  config.batch_prompts = 8;
  config.mini_prompts = 4;
  const GrpoResult fewer = run_grpo(config);
  EXPECT_EQ(fewer.steps, 1);
  EXPECT_EQ(updates_of(fewer, config), 2 * 2) << "6 prompts are two mini-batches too";
}

TEST_F(GrpoMiniBatches, LeaveThePolicyThatSampledBehindWithinAStep) {
  std::map<std::int64_t, double> clipped;
  for (const std::int64_t mini : {0, 1}) {
    GrpoConfig config = this->config("clipped-" + std::to_string(mini), "mixed.jsonl");
    config.stages = {"both:1"};
    config.mini_prompts = mini;
    config.optim.lr = 1e-2;
    run_grpo(config);
    for (const double share : logged(config.out, "clip_ratio/region_mean")) clipped[mini] += share;
    for (const double gap : logged(config.out, "sampling/sampling_logp_difference/max"))
      EXPECT_LT(gap, 1e-4) << "against the weights that sampled";
  }
  EXPECT_EQ(clipped[0], 0);
  EXPECT_GT(clipped[1], 0);
}

TEST_F(GrpoMiniBatches, ResumeBitForBit) {
  for (const bool adapter : {false, true}) {
    GrpoConfig whole = config(adapter ? "mini-adapter" : "mini", "mixed.jsonl");
    whole.stages = {"judge:1", "select:1"};
    whole.batch_prompts = 4;
    whole.mini_prompts = 2;
    whole.updates_per_rollout = 2;
    whole.resample_rounds = adapter ? 0 : 1;
    if (adapter) whole.lora = {.rank = 2, .alpha = 8, .dropout = 0.2};
    EXPECT_EQ(run_grpo(whole).steps, 4);
    GrpoConfig parts = whole;
    parts.out = *folder_ / (adapter ? "mini-adapter-parts" : "mini-parts");
    request_interrupt(SIGTERM);  // one step a run
    EXPECT_THROW(run_grpo(parts), Interrupted);
    parts.resume = true;
    for (int step = 2; step <= 3; ++step) EXPECT_THROW(run_grpo(parts), Interrupted) << step;
    clear_interrupt();
    EXPECT_EQ(run_grpo(parts).steps, 4);
    const auto tensors = adapter ? adapter_in : weights_in;
    EXPECT_TRUE(test::same_tensors(tensors(parts.out), tensors(whole.out))) << adapter;
    EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out)) << adapter;
  }
}

TEST_F(GrpoMiniBatches, AreSkippedAloneWhereTheyAreNotFinite) {
  GrpoConfig config = overflowing_config("skipped-alone");
  config.stages = {"both:1"};
  config.mini_prompts = 1;
  const GrpoResult result = run_grpo(config);
  std::map<std::string, std::set<double>> paid;
  for_each_line(
      config.out / "completions.jsonl", [&](const std::string& line, const std::string& at) {
        const Json row = parse_json_object(line, at);
        if (row["task"] == "select")
          paid[row["case_id"].get<std::string>()].insert(row["reward_task"].get<double>());
      });
  EXPECT_EQ(paid.size(), 6);
  const auto varied = std::count_if(
      paid.begin(), paid.end(), [](const auto& group) { return group.second.size() > 1; });
  ASSERT_GT(varied, 0) << "or the test shows nothing";
  EXPECT_EQ(result.skipped_updates, varied);
  const auto weights = weights_in(config.out);
  for (const auto& [name, tensor] : weights)
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  EXPECT_FALSE(test::same_tensors(weights, weights_in(*folder_ / "sft"))) << "the others teach";
}

TEST_F(GrpoMiniBatches, MustDivideThePromptsOfAStep) {
  GrpoConfig config = this->config("bad-mini", "mixed.jsonl");
  config.batch_prompts = 6;
  for (const auto& [prompts, message] :
       {std::pair(-1, "--mini-prompts must be in [0, 6]; got -1"),
        std::pair(7, "--mini-prompts must be in [0, 6]; got 7"),
        std::pair(4, "--mini-prompts must divide --batch-prompts; 4 does not divide 6")}) {
    config.mini_prompts = prompts;
    EXPECT_THAT([&] { config.check(); },
                ::testing::ThrowsMessage<ConfigError>(::testing::HasSubstr(message)));
  }
  for (const std::int64_t prompts : {0, 1, 2, 3, 6}) {
    config.mini_prompts = prompts;
    EXPECT_NO_THROW(config.check()) << prompts;
  }
}

TEST_F(GrpoMiniBatches, ArePlannedAsUpdatesOfTheirSize) {
  GrpoConfig config = this->config("planned", "mixed.jsonl");
  config.batch_prompts = 16;
  config.micro_prompts = 8;
  config.updates_per_rollout = 2;
  const plan::TrainingRun whole = plan_grpo(config);
  EXPECT_EQ(whole.updates, 2);
  EXPECT_TRUE(whole.several_parts);
  config.mini_prompts = 8;
  const plan::TrainingRun cut = plan_grpo(config);
  EXPECT_EQ(cut.passes, 2);
  EXPECT_EQ(cut.updates, 4);
  EXPECT_FALSE(cut.several_parts) << "a mini-batch is one micro-batch";
  EXPECT_EQ(cut.micro_tokens, whole.micro_tokens);
  EXPECT_EQ(cut.prompts, 16);
  EXPECT_EQ(plan_grpo(config, 2).micro_tokens, cut.micro_tokens / 2) << "two share a mini-batch";
}

}  // namespace
}  // namespace vragent::learning
