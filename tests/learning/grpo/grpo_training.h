// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// GRPO on twelve cases.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "learning/small_cases.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/learning/grpo/grpo_trainer.h"
#include "vragent/learning/sft_trainer.h"
#include "vragent/util/interrupt.h"

namespace vragent::learning {

/// A tiny model that has learnt the form of the answers, but not the truth.
class GrpoTraining : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<test::TempDir>();
    test::write_tiny_lm(*folder_ / "lm", 1);
    std::vector<data::Case> cases;
    for (std::int64_t i = 0; i < 6; ++i) {
      cases.push_back(judge_case("j" + std::to_string(i), i % 2));
      cases.push_back(select_case("s" + std::to_string(i), i % 3));
    }
    write_cases(*folder_ / "mixed.jsonl", cases);
    SftConfig config{.out = *folder_ / "sft",
                     .train = *folder_ / "mixed.jsonl",
                     .model = (*folder_ / "lm").string(),
                     .batch_size = 12,
                     .epochs = 40};
    config.optim.lr = 1e-2;
    config.prompt.cot = false;
    config.runtime.threads = 1;
    run_sft(config);
  }

  static void TearDownTestSuite() { folder_.reset(); }

  ~GrpoTraining() override { clear_interrupt(); }

  [[nodiscard]] static GrpoConfig config(const std::string& out, const std::string& cases) {
    GrpoConfig config{.out = *folder_ / out,
                      .cases = {*folder_ / cases},
                      .model = (*folder_ / "sft").string(),
                      .batch_prompts = 3,
                      .group_size = 4,
                      .micro_prompts = 2,
                      .save_every = 0,
                      .sampling = {.max_tokens = 12}};
    config.optim.lr = 1e-3;
    config.prompt.cot = false;
    config.runtime.threads = 1;
    return config;
  }

  /// Groups of 8 without KL. Selections are paid so much that their advantages overflow; judgments
  /// are not.
  [[nodiscard]] static GrpoConfig overflowing_config(const std::string& out) {
    GrpoConfig config = GrpoTraining::config(out, "mixed.jsonl");
    config.group_size = 8;
    config.loss.kl_coef = 0;
    config.reward = {.judge_right = 1e-32,
                     .judge_wrong = -1e-32,
                     .judge_unanswered = -1e-32,
                     .select_right = 1e6,
                     .select_wrong = -1e6,
                     .select_unanswered = -1e6};
    config.advantage.reward_weights = {1, 2e32};
    config.advantage.scale = "none";
    return config;
  }

  inline static std::unique_ptr<test::TempDir> folder_;
};

}  // namespace vragent::learning
