// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/micro_batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "learning/small_cases.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/models/causal_lm.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/format.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// Prompts of these lengths with answers of those.
Rollout of_lengths(const std::vector<std::int64_t>& prompts,
                   const std::vector<std::int64_t>& answers) {
  Rollout rollout{.group_size = std::ssize(answers) / std::ssize(prompts)};
  for (const std::int64_t length : prompts)
    rollout.prompts.push_back(
        {.ids = std::vector<std::int64_t>(static_cast<std::size_t>(length), 5)});
  for (const std::int64_t length : answers)
    rollout.samples.push_back(
        {.ids = std::vector<std::int64_t>(static_cast<std::size_t>(length), 6),
         .log_probs = std::vector<float>(static_cast<std::size_t>(length), -1),
         .finish_reason = "stop"});
  return rollout;
}

std::string shown(const std::vector<RowRange>& parts) {
  std::string text;
  for (const RowRange& part : parts)
    text += std::to_string(part.begin) + "-" + std::to_string(part.end) + " ";
  return text;
}

TEST(MicroBatches, AreCutByPromptsOrByTokens) {
  const Rollout rollout = of_lengths({10, 20, 10, 50}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(shown(micro_batches(rollout, 3, 0)), "0-6 6-8 ");
  EXPECT_EQ(tokens_of(rollout, {0, 4}), 10 + 3 + 20 + 7);
  EXPECT_EQ(shown(micro_batches(rollout, 3, 1000)), "0-8 ");
  EXPECT_EQ(shown(micro_batches(rollout, 1, 65)), "0-6 6-8 ") << "the last group has 65 tokens";
  EXPECT_EQ(shown(micro_batches(rollout, 1, 40)), "0-4 4-6 6-7 7-8 ") << "its answers stand alone";
  EXPECT_EQ(shown(micro_batches(rollout, 1, 58)), "0-4 4-6 6-7 7-8 ");
  EXPECT_EQ(shown(micro_batches(rollout, 1, 1)), "0-1 1-2 2-3 3-4 4-5 5-6 6-7 7-8 ");
}

TEST(MicroBatches, HoldEveryAnswerOnceAndNeverMoreThanTheLimit) {
  Rollout rollout = of_lengths({30, 7, 19, 4}, {9, 1, 12, 3, 3, 3, 8, 2, 20, 5, 6, 7});
  rollout.advantages = torch::zeros({4, 3});
  for (std::int64_t limit = 51; limit < 140; limit += 7) {
    std::size_t next = 0;
    for (const RowRange& part : micro_batches(rollout, 1, limit)) {
      EXPECT_EQ(part.begin, next);
      EXPECT_LE(tokens_of(rollout, part), limit);
      EXPECT_NO_THROW(slice_rows(rollout, part.begin, part.end));
      next = part.end;
    }
    EXPECT_EQ(next, rollout.samples.size());
  }
}

TEST(MiniBatches, HoldEveryGroupOnceInTheOrderOfTheRollout) {
  struct Cut {
    std::size_t groups;
    std::int64_t most;
    std::vector<std::size_t> sizes;
  };

  for (const auto& [groups, most, sizes] : {Cut{8, 4, {4, 4}},
                                            Cut{9, 4, {3, 3, 3}},
                                            Cut{5, 4, {2, 3}},
                                            Cut{3, 4, {3}},
                                            Cut{3, 0, {3}},
                                            Cut{0, 4, {}},
                                            Cut{0, 0, {}}}) {
    std::vector<std::size_t> seen;
    std::vector<std::size_t> got;
    for (const std::vector<std::size_t>& batch : mini_batches(groups, most, 3)) {
      EXPECT_TRUE(std::is_sorted(batch.begin(), batch.end()));
      seen.insert(seen.end(), batch.begin(), batch.end());
      got.push_back(batch.size());
    }
    EXPECT_EQ(got, sizes) << groups << " by " << most;
    std::sort(seen.begin(), seen.end());
    std::vector<std::size_t> all(groups);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(seen, all) << groups << " by " << most;
  }
}

TEST(MiniBatches, AreDrawnByTheSeed) {
  EXPECT_EQ(mini_batches(16, 8, 1), mini_batches(16, 8, 1));
  EXPECT_NE(mini_batches(16, 8, 1), mini_batches(16, 8, 2));
}

/// Gradients of an update's loss over a tiny model, computed in the given parts.
class GradientsOfParts : public ::testing::Test {
 protected:
  GradientsOfParts() {
    test::write_tiny_lm(folder_.path(), 1, /*tied=*/false);
    lm_ = models::load_causal_lm(folder_.path(), torch::kFloat32, torch::kCPU);
    nn::set_requires_grad(*lm_, true);
    rollout_ = of_lengths({12, 5, 9}, {3, 7, 1, 6, 2, 9, 4, 4, 8, 1, 5, 3});
    for (engine::Sample& sample : rollout_.samples) {
      for (std::size_t i = 0; i < sample.ids.size(); ++i)
        sample.ids[i] = static_cast<std::int64_t>((7 * i + 13 * sample.ids.size()) % 200 + 5);
    }
    rollout_.samples[5].finish_reason = "length";  // masked: an answer without tokens
    rollout_.advantages = test::randn({3, 4}, 3);
  }

  /// Whole micro-batches, with what their losses count for in the update's.
  [[nodiscard]] UpdateParts whole_parts(const GrpoLossConfig& config,
                                        const std::vector<RowRange>& ranges) const {
    UpdateParts update;
    std::int64_t rows = 0;
    for (const RowRange& range : ranges) {
      update.parts.push_back({slice_rows(rollout_, range.begin, range.end, config.mask_truncated)});
      update.total_tokens += update.parts.back().slice.mask.sum().item<double>();
      rows += counted_rows(config, update.parts.back().slice.mask);
    }
    for (UpdatePart& part : update.parts)
      part.share = micro_batch_share(
          config, counted_rows(config, part.slice.mask), rows, std::ssize(update.parts));
    return update;
  }

  struct Computed {
    double loss = 0;
    std::vector<Tensor> gradients;
  };

  Computed computed(const GrpoLossConfig& config, const UpdateParts& update) {
    for (const Tensor& parameter : lm_->parameters()) parameter.mutable_grad() = Tensor();
    Computed result;
    for (const auto& [part, share] : update.parts) {
      if (part.prompts.empty()) continue;
      const AnswerLogProbs now = answer_log_probs(lm_->text(), part, 1.0, true);
      const GrpoBatch batch{.log_probs = now.log_probs,
                            .entropy = now.entropy,
                            .ref_log_probs = part.sampled_log_probs,
                            .mask = part.mask,
                            .advantages = part.advantages,
                            .max_completion_length = 10,
                            .total_tokens = update.total_tokens};
      const Tensor loss = grpo_loss(batch, config).part_of_update(share);
      result.loss += loss.item<double>();
      loss.backward();
    }
    for (const Tensor& parameter : lm_->parameters())
      result.gradients.push_back(parameter.grad().clone());
    return result;
  }

  /// Within 1e-6 of the largest gradient.
  void expect_same(const Computed& got, const Computed& wanted, const std::string& what) {
    EXPECT_NEAR(got.loss, wanted.loss, 1e-6 * std::max(1.0, std::abs(wanted.loss))) << what;
    double largest = 0;
    for (const Tensor& gradient : wanted.gradients)
      largest = std::max(largest, gradient.abs().max().item<double>());
    EXPECT_GT(largest, 0) << what;
    for (std::size_t i = 0; i < wanted.gradients.size(); ++i)
      EXPECT_LT(test::max_difference(got.gradients[i], wanted.gradients[i]),
                1e-6 * std::max(largest, 1.0))
          << what << " " << lm_->named_parameters().keys()[i];
  }

  test::TempDir folder_;
  models::CausalLm lm_{nullptr};
  Rollout rollout_;
};

TEST_F(GradientsOfParts, AreThoseOfTheWholeBatchWhereverGroupsAreCut) {
  for (const char* type : {"grpo",
                           "dapo",
                           "dr_grpo",
                           "gspo",
                           "token-mean",
                           "seq-mean-token-mean",
                           "seq-mean-token-sum",
                           "seq-mean-token-sum-norm"}) {
    const GrpoLossConfig config{
        .type = type, .kl_coef = 0.1, .entropy_coef = 0.01, .mask_truncated = true};
    const Computed whole = computed(config, whole_parts(config, {{0, 12}}));
    for (const std::int64_t limit : {20, 26, 45}) {
      const auto ranges = micro_batches(rollout_, 1, limit);
      ASSERT_GT(ranges.size(), 1);
      const UpdateParts parts = parts_of_update(rollout_, ranges, config);
      expect_same(computed(config, parts), whole, formatted("{} limit {}", type, limit));
    }
  }
}

TEST_F(GradientsOfParts, AreThoseOfAllGroupsWithoutThoseThatTeachNothing) {
  rollout_.advantages[1].zero_();
  for (const char* type : {"grpo",
                           "bnpo",
                           "dapo",
                           "dr_grpo",
                           "gspo",
                           "cispo",
                           "token-mean",
                           "seq-mean-token-mean",
                           "seq-mean-token-sum",
                           "seq-mean-token-sum-norm"}) {
    const GrpoLossConfig config{.type = type, .kl_coef = 0, .mask_truncated = true};
    for (const std::vector<RowRange>& ranges :
         {std::vector<RowRange>{{0, 12}}, {{0, 8}, {8, 12}}, {{0, 4}, {4, 6}, {6, 8}, {8, 12}}}) {
      const UpdateParts parts = parts_of_update(rollout_, ranges, config);
      std::int64_t tokens = 0;
      for (const UpdatePart& part : parts.parts) tokens += tokens_of(part.slice);
      EXPECT_EQ(tokens, tokens_of(rollout_, {0, 4}) + tokens_of(rollout_, {8, 12}))
          << "the second prompt is not computed";
      expect_same(computed(config, parts),
                  computed(config, whole_parts(config, ranges)),
                  formatted("{} in {} parts", type, ranges.size()));
    }
  }
}

TEST_F(GradientsOfParts, AreThoseOfAllGroupsWhereMoreThanTheAdvantageActs) {
  rollout_.advantages.zero_();
  for (const GrpoLossConfig& config :
       {GrpoLossConfig{.kl_coef = 0.1}, GrpoLossConfig{.kl_coef = 0, .entropy_coef = 0.1}}) {
    const UpdateParts parts = parts_of_update(rollout_, {{0, 8}, {8, 12}}, config);
    EXPECT_EQ(tokens_of(parts.parts[0].slice), tokens_of(rollout_, {0, 8}));
    EXPECT_EQ(tokens_of(parts.parts[1].slice), tokens_of(rollout_, {8, 12}));
  }
  const UpdateParts none = parts_of_update(rollout_, {{0, 8}, {8, 12}}, {.kl_coef = 0});
  EXPECT_EQ(tokens_of(none.parts[0].slice) + tokens_of(none.parts[1].slice), 0);
}

}  // namespace
}  // namespace vragent::learning
