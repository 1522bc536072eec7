// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/grpo_trainer.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <numeric>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "learning/grpo/grpo_training.h"
#include "learning/run_files.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::learning {
namespace {

TEST_F(GrpoTraining, ResumesBitForBit) {
  GrpoConfig whole = config("whole", "mixed.jsonl");
  whole.stages = {"judge:1", "select:1"};
  whole.updates_per_rollout = 2;
  EXPECT_EQ(run_grpo(whole).steps, 4);
  GrpoConfig parts = whole;
  parts.out = *folder_ / "parts";
  request_interrupt(SIGTERM);  // one step a run
  EXPECT_THROW(run_grpo(parts), Interrupted);
  parts.resume = true;
  for (int step = 2; step <= 3; ++step) EXPECT_THROW(run_grpo(parts), Interrupted) << step;
  clear_interrupt();
  EXPECT_EQ(run_grpo(parts).steps, 4);
  EXPECT_TRUE(test::same_tensors(weights_in(parts.out), weights_in(whole.out)));
  EXPECT_FALSE(test::same_tensors(weights_in(*folder_ / "sft"), weights_in(whole.out)))
      << "it trained";
  EXPECT_EQ(read_file(parts.out / "completions.jsonl"), read_file(whole.out / "completions.jsonl"));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

TEST_F(GrpoTraining, DropsFlatGroupsAndStillResumesBitForBit) {
  GrpoConfig whole = config("dynamic", "mixed.jsonl");
  whole.stages = {"judge:1", "select:1"};
  whole.replay = 0.34;
  whole.resample_rounds = 2;
  const GrpoResult result = run_grpo(whole);
  const auto dropped = logged(whole.out, "dynamic_sampling/dropped_groups");
  EXPECT_EQ(std::accumulate(dropped.begin(), dropped.end(), 0.0),
            static_cast<double>(result.dropped_groups));
  EXPECT_GT(result.dropped_groups, 0) << "or the test shows nothing";
  std::int64_t learnt = 0;
  std::int64_t flat = 0;
  for_each_line(
      whole.out / "completions.jsonl", [&](const std::string& line, const std::string& at) {
        const Json row = parse_json_object(line, at);
        (row["kept"].get<bool>() ? learnt : flat) += 1;
        EXPECT_TRUE(row["kept"].get<bool>() || row["advantage"].get<double>() == 0) << line;
      });
  EXPECT_EQ(flat, result.dropped_groups * whole.group_size);
  EXPECT_GT(learnt, 0);
  GrpoConfig parts = whole;
  parts.out = *folder_ / "dynamic-parts";
  request_interrupt(SIGTERM);  // one step a run
  EXPECT_THROW(run_grpo(parts), Interrupted);
  parts.resume = true;
  for (std::int64_t step = 2; step < result.steps; ++step)
    EXPECT_THROW(run_grpo(parts), Interrupted) << step;
  clear_interrupt();
  EXPECT_EQ(run_grpo(parts).dropped_groups, result.dropped_groups);
  EXPECT_TRUE(test::same_tensors(weights_in(parts.out), weights_in(whole.out)));
  EXPECT_EQ(read_file(parts.out / "completions.jsonl"), read_file(whole.out / "completions.jsonl"));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

TEST_F(GrpoTraining, LearnsTheSameByTokensAsByPrompts) {
  GrpoConfig whole = config("by-prompts", "mixed.jsonl");
  whole.stages = {"both:0.25"};
  whole.updates_per_rollout = 2;  // the second against the same reference, and other weights
  whole.micro_prompts = 3;
  run_grpo(whole);
  for (const std::int64_t tokens : {40, 150, 10000}) {
    GrpoConfig parts = whole;
    parts.out = *folder_ / ("by-tokens-" + std::to_string(tokens));
    parts.micro_tokens = tokens;
    run_grpo(parts);
    const auto norms = logged(whole.out, "grad_norm");
    const auto got = logged(parts.out, "grad_norm");
    ASSERT_EQ(norms.size(), 1);
    EXPECT_NEAR(got.at(0), norms[0], 1e-5 * norms[0]) << tokens;
    EXPECT_NEAR(logged(parts.out, "loss").at(0), logged(whole.out, "loss").at(0), 1e-6) << tokens;
  }
}

TEST_F(GrpoTraining, AddsUpTheGradientsOfBf16PartsInFp32) {
  // The same answers in one part and in many: the norms agree far below bf16's step of 2^-8.
  std::vector<double> norms;
  for (const std::int64_t tokens : {10000, 40}) {
    GrpoConfig config = this->config("bf16-" + std::to_string(tokens), "mixed.jsonl");
    config.stages = {"both:0.25"};
    config.runtime.dtype = "bfloat16";
    config.micro_tokens = tokens;
    run_grpo(config);
    norms.push_back(logged(config.out, "grad_norm").at(0));
  }
  EXPECT_NEAR(norms[1], norms[0], 4e-3 * norms[0]);
}

TEST_F(GrpoTraining, RehearsesWithoutChangingARun) {
  std::vector<std::filesystem::path> outs;
  for (const char* rehearse : {"off", "on"}) {
    GrpoConfig config = this->config(std::string("rehearse-") + rehearse, "mixed.jsonl");
    config.stages = {"both:0.5"};
    config.rehearse = rehearse;
    config.micro_tokens = 200;
    run_grpo(config);
    outs.push_back(config.out);
  }
  EXPECT_TRUE(test::same_tensors(weights_in(outs[0]), weights_in(outs[1])));
  EXPECT_EQ(timeless_log(outs[0]), timeless_log(outs[1]));
}

TEST_F(GrpoTraining, ShortensHistoriesThatAreTooLongAndCountsThem) {
  std::vector<data::Case> rows = {judge_case("short", 1), judge_case("long", 0)};
  rows[1].history.resize(60, {"6", "a dog runs through the garden", "", "so nice"});
  rows[1].history.back().title = "the newest cat";
  write_cases(*folder_ / "uneven.jsonl", rows);
  GrpoConfig config = this->config("uneven", "uneven.jsonl");
  config.stages = {"judge:1"};
  config.batch_prompts = 2;
  config.max_prompt_tokens = 500;
  config.overlong = "truncate";
  EXPECT_EQ(run_grpo(config).truncated_prompts, 1);
  std::int64_t longest = 0;
  std::int64_t newest = 0;
  for_each_line(
      config.out / "completions.jsonl", [&](const std::string& line, const std::string& at) {
        const Json row = parse_json_object(line, at);
        longest = std::max(longest, row["prompt_tokens"].get<std::int64_t>());
        newest += row["prompt"].get<std::string>().find("newest cat") != std::string::npos ? 1 : 0;
      });
  EXPECT_LE(longest, 500);
  EXPECT_GT(longest, 450) << "no more is cut than must be";
  EXPECT_EQ(newest, 4);
  config.out = *folder_ / "uneven-10";
  config.max_prompt_tokens = 10;
  EXPECT_THROW(run_grpo(config), DataError) << "no history is short enough";
}

TEST_F(GrpoTraining, PassesOverCasesThatAreTooLongAndCountsThem) {
  std::vector<data::Case> rows = {judge_case("short", 1), judge_case("long", 0)};
  rows[1].history.resize(60, {"6", "a dog runs through the garden", "", "so nice"});
  write_cases(*folder_ / "skipped.jsonl", rows);
  GrpoConfig config = this->config("skipped", "skipped.jsonl");
  config.stages = {"judge:1"};
  config.max_prompt_tokens = 500;
  config.overlong = "skip";
  const GrpoResult result = run_grpo(config);
  EXPECT_EQ(result.skipped_prompts, 1);
  EXPECT_EQ(result.steps, 1);
  for_each_line(config.out / "completions.jsonl",
                [&](const std::string& line, const std::string& at) {
                  EXPECT_EQ(parse_json_object(line, at)["case_id"], "short");
                });
}

TEST_F(GrpoTraining, LearnsNothingFromRewardsThatAreAllEqual) {
  GrpoConfig config = this->config("equal", "mixed.jsonl");
  config.stages = {"both:1"};
  config.loss.kl_coef = 0;
  config.reward = {.format = 0,
                   .judge_right = 0.1,
                   .judge_wrong = 0.1,
                   .judge_unanswered = 0.1,
                   .select_right = 0.1,
                   .select_wrong = 0.1,
                   .select_unanswered = 0.1};
  EXPECT_EQ(run_grpo(config).steps, 4);
  EXPECT_TRUE(test::same_tensors(weights_in(config.out), weights_in(*folder_ / "sft")));
  for (const double share : logged(config.out, "frac_reward_zero_std")) EXPECT_EQ(share, 1);
  EXPECT_EQ(logged(config.out, "reward").size(), 4);
  for (const Json& row : timeless_log(config.out)) {
    EXPECT_EQ(row["loss"], 0.0);
    EXPECT_TRUE(row["entropy"].is_null()) << "nothing was computed";
  }
}

TEST_F(GrpoTraining, SkipsUpdatesThatAreNotFiniteAndCountsThem) {
  GrpoConfig judged = overflowing_config("judged");
  judged.stages = {"judge:1"};
  judged.updates_per_rollout = 2;
  EXPECT_EQ(run_grpo(judged).skipped_updates, 0);
  GrpoConfig both = judged;
  both.out = *folder_ / "judged-and-selected";
  both.stages = {"judge:1", "select:1"};
  both.save_every = 1;
  const GrpoResult result = run_grpo(both);
  const auto flat = logged(both.out, "frac_reward_zero_std");
  ASSERT_EQ(flat.size(), 4);
  const auto varied = std::count_if(flat.begin() + 2, flat.end(), [](double x) { return x < 1; });
  ASSERT_GT(varied, 0) << "or the test shows nothing";
  EXPECT_EQ(result.skipped_updates, 2 * varied);
  EXPECT_EQ(logged(both.out, "skipped_updates").back(), static_cast<double>(2 * varied));
  EXPECT_TRUE(test::same_tensors(weights_in(both.out), weights_in(judged.out)));
  const auto moments = nn::load_safetensors(both.out / "checkpoint-4/state/state.safetensors");
  for (const auto& [name, tensor] : moments)
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  const Json own = trainer_state(both.out)["stateful_callbacks"]["vragent"]["attributes"];
  EXPECT_EQ(own["skipped_updates"], 2 * varied);
  EXPECT_FALSE(own.contains("no_best")) << "GRPO looks for none";
}

/// Judgments are all paid the same, which is nothing to learn; selections overflow.
TEST_F(GrpoTraining, EndsWhereNoUpdateWithSomethingToLearnIsFinite) {
  GrpoConfig broken = config("broken", "mixed.jsonl");
  broken.stages = {"judge:1", "select:1"};
  broken.group_size = 8;
  broken.updates_per_rollout = 2;
  broken.save_every = 1;
  broken.loss.kl_coef = 0;
  broken.reward = {.format = 0,
                   .judge_right = 0,
                   .judge_wrong = 0,
                   .judge_unanswered = 0,
                   .select_right = 1e6,
                   .select_wrong = -1e6,
                   .select_unanswered = -1e6};
  broken.advantage.reward_weights = {1, 2e32};
  broken.advantage.scale = "none";
  for (const auto& [most, message] :
       {std::pair(20, "every one of "), std::pair(1, "1 updates in a row")}) {
    broken.overwrite = true;
    broken.max_skipped_updates = most;
    EXPECT_THAT([&] { run_grpo(broken); },
                ::testing::ThrowsMessage<Error>(::testing::StartsWith(message)));
    EXPECT_FALSE(std::filesystem::exists(broken.out / "model.safetensors"));
  }
  EXPECT_TRUE(std::filesystem::exists(broken.out / "checkpoint-2"));
  EXPECT_FALSE(std::filesystem::exists(broken.out / "checkpoint-4"));
  EXPECT_EQ(logged(broken.out, "skipped_updates").back(), 0) << "it ends within its step";
}

TEST_F(GrpoTraining, LearnsTheSameBitsWithGradientCheckpointing) {
  for (const bool adapter : {false, true}) {
    GrpoConfig plain = config(adapter ? "plain-adapter" : "plain", "mixed.jsonl");
    plain.stages = {"both:0.5"};
    plain.updates_per_rollout = 2;
    plain.loss.entropy_coef = 0.01;
    if (adapter) plain.lora = {.rank = 2, .alpha = 8, .dropout = 0.2};
    run_grpo(plain);
    GrpoConfig again = plain;
    again.out = *folder_ / (adapter ? "again-adapter" : "again");
    again.gradient_checkpointing = true;
    run_grpo(again);
    const auto tensors = adapter ? adapter_in : weights_in;
    EXPECT_TRUE(test::same_tensors(tensors(again.out), tensors(plain.out))) << adapter;
    EXPECT_EQ(timeless_log(again.out), timeless_log(plain.out)) << adapter;
  }
}

TEST_F(GrpoTraining, TrainsAnAdapterThatResumesBitForBit) {
  GrpoConfig whole = config("adapter", "mixed.jsonl");
  whole.stages = {"judge:1", "select:1"};
  whole.updates_per_rollout = 2;
  whole.lora = {.rank = 2, .alpha = 8, .dropout = 0.2};
  EXPECT_EQ(run_grpo(whole).steps, 4);
  GrpoConfig parts = whole;
  parts.out = *folder_ / "adapter-parts";
  request_interrupt(SIGTERM);
  EXPECT_THROW(run_grpo(parts), Interrupted);
  parts.resume = true;
  clear_interrupt();
  run_grpo(parts);
  EXPECT_TRUE(test::same_tensors(adapter_in(parts.out), adapter_in(whole.out)));
  EXPECT_EQ(timeless_log(parts.out), timeless_log(whole.out));
}

TEST_F(GrpoTraining, RefersToThePolicyAsItWasLoaded) {
  // One update a rollout and no dropout: before the first update the policy is its own reference,
  // so the divergence is zero; later it is not.
  GrpoConfig fresh = config("fresh", "mixed.jsonl");
  fresh.stages = {"both:2"};
  fresh.lora = {.rank = 2, .alpha = 8};
  fresh.optim.lr = 1e-2;
  run_grpo(fresh);
  GrpoConfig on = fresh;
  on.out = *folder_ / "on";
  on.model = fresh.out.string();
  run_grpo(on);
  for (const GrpoConfig* config : {&fresh, &on}) {
    const auto kl = logged(config->out, "kl");
    ASSERT_GT(kl.size(), 2);
    EXPECT_LT(std::abs(kl.front()), 1e-9) << config->out;
    EXPECT_GT(kl.back(), 1e-6) << config->out;
  }
}

TEST_F(GrpoTraining, ComparesTheSamplerWithTheWeightsThatSampled) {
  GrpoConfig config = this->config("gap", "mixed.jsonl");
  config.stages = {"both:1"};
  config.updates_per_rollout = 3;
  config.optim.lr = 1e-2;  // the weights of the last update are far away
  run_grpo(config);
  for (const double gap : logged(config.out, "sampling/sampling_logp_difference/max"))
    EXPECT_LT(gap, 1e-4);
}

TEST_F(GrpoTraining, SavesWhenASignalComesWhileItSamples) {
  std::vector<data::Case> many;  // more prompt tokens than one wave of the generator takes
  for (std::int64_t i = 0; i < 32; ++i) {
    many.push_back(judge_case("many" + std::to_string(i), i % 2));
    many.back().history.resize(40, {"6", "a dog runs through the garden", "", "so nice"});
  }
  write_cases(*folder_ / "many.jsonl", many);
  GrpoConfig config = this->config("many", "many.jsonl");
  config.stages = {"judge:1"};
  config.batch_prompts = 32;
  config.group_size = 2;
  config.sampling.max_tokens = 1;
  config.loss.kl_coef = 0;
  request_interrupt(SIGTERM);
  EXPECT_THROW(run_grpo(config), Interrupted);
  EXPECT_TRUE(std::filesystem::exists(config.out / "checkpoint-0")) << "stopped before a step";
  clear_interrupt();
  config.resume = true;
  EXPECT_EQ(run_grpo(config).steps, 1);
}

TEST_F(GrpoTraining, RaisesTheReward) {
  std::vector<data::Case> cases;  // the same users, who now like everything
  for (std::int64_t i = 0; i < 6; ++i) cases.push_back(judge_case("j" + std::to_string(i), 1));
  write_cases(*folder_ / "likes.jsonl", cases);
  GrpoConfig config = this->config("likes", "likes.jsonl");
  config.stages = {"judge:6"};
  config.batch_prompts = 6;
  config.group_size = 8;
  config.optim.lr = 3e-3;
  const GrpoResult result = run_grpo(config);
  EXPECT_EQ(result.steps, 6);
  const auto rewards = logged(config.out, "reward");
  ASSERT_EQ(rewards.size(), 6);
  EXPECT_GT(rewards.back(), rewards.front() + 0.4);
  EXPECT_EQ(rewards.back(), result.last_reward);
  for (const double gap : logged(config.out, "sampling/sampling_logp_difference/max"))
    EXPECT_LT(gap, 1e-3) << "trainer and sampler disagree";
}

TEST_F(GrpoTraining, StopsAtOverlongPromptsOrCountsThem) {
  GrpoConfig config = this->config("long", "mixed.jsonl");
  config.max_prompt_tokens = 10;
  try {
    run_grpo(config);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("case j0"), std::string::npos) << error.what();
  }
  config.overlong = "skip";
  EXPECT_THROW(run_grpo(config), DataError) << "nothing is left";
}

TEST_F(GrpoTraining, RefusesSettingsThatTeachNothing) {
  for (const auto& spoil :
       std::vector<void (*)(GrpoConfig&)>{[](GrpoConfig& c) { c.sampling.temperature = 0; },
                                          [](GrpoConfig& c) { c.group_size = 1; },
                                          [](GrpoConfig& c) { c.stages = {"watch:1"}; },
                                          [](GrpoConfig& c) { c.stage_lr = {1e-3}; },
                                          [](GrpoConfig& c) { c.reward.format = std::nan(""); },
                                          [](GrpoConfig& c) { c.resample_rounds = -1; },
                                          [](GrpoConfig& c) { c.cases.clear(); }}) {
    GrpoConfig config = this->config("bad", "mixed.jsonl");
    spoil(config);
    EXPECT_THROW(config.check(), ConfigError);
  }
}

}  // namespace
}  // namespace vragent::learning
