// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/rollout.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "learning/small_cases.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/learning/grpo/micro_batches.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

constexpr double kTemperature = 0.8;
constexpr std::int64_t kGroup = 4;

/// A tiny model with many end marks, so that answers end at different lengths.
class RolloutOfTinyModel : public ::testing::Test {
 protected:
  RolloutOfTinyModel() {
    test::write_tiny_lm(folder.path(), 1, /*tied=*/false);
    std::string ends = "[0";
    for (int id = 7; id < 300; id += 7) ends += "," + std::to_string(id);
    write_file(folder / "generation_config.json", "{\"eos_token_id\": " + ends + "]}");
    encoder.emplace(folder.path());
    lm = models::load_causal_lm(folder.path(), torch::kFloat32, torch::kCPU);
    nn::set_requires_grad(*lm, true);
  }

  Rollout roll(const std::vector<const data::Case*>& chosen, std::uint64_t seed = 9) {
    return roll_out(
        lm->text(),
        *encoder,
        chosen,
        {.group_size = kGroup, .sampling = {.temperature = kTemperature, .max_tokens = 14}},
        seed);
  }

  /// Log-probabilities of one answer by a plain forward pass over prompt and answer: [C].
  Tensor plain_log_probs(const engine::Prompt& prompt, const engine::Sample& sample) {
    std::vector<std::int64_t> ids = prompt.ids;
    ids.insert(ids.end(), sample.ids.begin(), sample.ids.end());
    const Tensor rows =
        torch::log_softmax(lm(torch::tensor(ids).unsqueeze(0))[0] / kTemperature, -1);
    const auto begin = static_cast<std::int64_t>(prompt.ids.size()) - 1;
    const auto length = static_cast<std::int64_t>(sample.ids.size());
    return rows.narrow(0, begin, length)
        .gather(1, torch::tensor(sample.ids).unsqueeze(1))
        .squeeze(1);
  }

  std::vector<data::Case> cases = {judge_case("a", 1), select_case("bb", 1), judge_case("c", 0)};
  std::vector<const data::Case*> all = {&cases[0], &cases[1], &cases[2]};
  test::TempDir folder;
  std::optional<engine::ChatEncoder> encoder;
  models::CausalLm lm{nullptr};
};

TEST_F(RolloutOfTinyModel, ScoresEveryAnswerOfItsCase) {
  const Rollout rollout = roll(all);
  ASSERT_EQ(rollout.samples.size(), 12);
  std::set<std::size_t> lengths;
  std::vector<float> totals;
  for (std::size_t row = 0; row < 12; ++row) {
    lengths.insert(rollout.samples[row].ids.size());
    EXPECT_EQ(rollout.replies[row], "<think>" + encoder->decode(rollout.samples[row].ids));
    const Reward wanted = score_reply(
        cases[row / 4], {}, rollout.replies[row], rollout.samples[row].finish_reason, {});
    EXPECT_EQ(rollout.rewards[row].total(), wanted.total());
    totals.push_back(static_cast<float>(wanted.total()));
  }
  EXPECT_GE(lengths.size(), 3) << "answers of several lengths make the tests below say more";
  EXPECT_TRUE(rollout.advantages.equal(group_advantage(torch::tensor(totals).view({3, 4}))));
}

TEST_F(RolloutOfTinyModel, RefusesARewardThatIsNoNumberByItsCase) {
  Rollout rollout = roll(all);
  rollout.rewards[6].task = std::nan("");
  try {
    set_advantages(rollout, {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInternal);
    EXPECT_NE(std::string(error.what()).find("case bb: a reward is"), std::string::npos)
        << error.what();
  }
}

TEST_F(RolloutOfTinyModel, DrawsByCaseAndSeedWhateverTheOthers) {
  const Rollout together = roll(all);
  const Rollout alone = roll({&cases[1]});
  const Rollout reseeded = roll({&cases[1]}, 10);
  std::int64_t same = 0;
  for (std::size_t g = 0; g < 4; ++g) {
    EXPECT_EQ(alone.samples[g].ids, together.samples[4 + g].ids);
    same += reseeded.samples[g].ids == alone.samples[g].ids ? 1 : 0;
  }
  EXPECT_LT(same, 4);
}

TEST_F(RolloutOfTinyModel, HasTheLogProbabilitiesOfThePlainModelAndOfTheSampler) {
  const torch::NoGradGuard no_grad;
  const Rollout rollout = roll(all);
  for (const auto& [begin, end] : {std::pair<std::size_t, std::size_t>(0, 3), {1, 3}, {2, 3}}) {
    const RolloutSlice part = slice_rows(rollout, begin * kGroup, end * kGroup);
    const AnswerLogProbs got = answer_log_probs(lm->text(), part, kTemperature);
    EXPECT_TRUE(test::close(got.log_probs, part.sampled_log_probs, 1e-4));
    for (std::int64_t row = 0; row < part.mask.size(0); ++row) {
      const auto index = begin * kGroup + static_cast<std::size_t>(row);
      const engine::Sample& sample = rollout.samples[index];
      const auto length = static_cast<std::int64_t>(sample.ids.size());
      EXPECT_TRUE(test::close(got.log_probs[row].narrow(0, 0, length),
                              plain_log_probs(rollout.prompts[index / kGroup], sample),
                              1e-5));
      EXPECT_EQ(part.mask[row].sum().item<std::int64_t>(), length);
    }
    const Tensor outside = part.mask.logical_not();
    EXPECT_EQ(got.log_probs.masked_select(outside).abs().sum().item<float>(), 0.0F);
    EXPECT_EQ(got.entropy.masked_select(outside).abs().sum().item<float>(), 0.0F);
  }
}

TEST_F(RolloutOfTinyModel, HasTheGradientsOfTheLossOnConcatenatedSequences) {
  const Rollout rollout = roll(all);
  const RolloutSlice part = slice_rows(rollout, 0, 3 * kGroup);
  const Tensor weights = test::randn(part.mask.sizes(), 5);
  const auto parameters = lm->parameters();

  const AnswerLogProbs shared = answer_log_probs(lm->text(), part, kTemperature);
  const auto got = torch::autograd::grad({(shared.log_probs * weights).sum()}, parameters);
  Tensor loss = torch::zeros({});
  for (std::size_t row = 0; row < rollout.samples.size(); ++row) {
    const auto length = static_cast<std::int64_t>(rollout.samples[row].ids.size());
    const Tensor own = weights[static_cast<std::int64_t>(row)].narrow(0, 0, length);
    loss =
        loss + (plain_log_probs(rollout.prompts[row / kGroup], rollout.samples[row]) * own).sum();
  }
  const auto wanted = torch::autograd::grad({loss}, parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double size = wanted[i].abs().max().item<double>();
    EXPECT_GT(size, 0);
    EXPECT_LT(test::max_difference(got[i], wanted[i]), 1e-5 * size + 1e-6)
        << lm->named_parameters().keys()[i];
  }
}

TEST_F(RolloutOfTinyModel, SamplesInBfloat16FromTheWeightsAsTheyAreNow) {
  lm = models::load_causal_lm(folder.path(), torch::kBFloat16, torch::kCPU);
  nn::set_requires_grad(*lm, true);
  for (int round = 0; round < 2; ++round) {
    const Rollout rollout = roll(all);
    const RolloutSlice part = slice_rows(rollout, 0, 3 * kGroup);
    const Tensor now = answer_log_probs(lm->text(), part, kTemperature).log_probs;
    EXPECT_TRUE(test::close(now.detach(), part.sampled_log_probs, 0.1)) << "round " << round;
    now.sum().backward();
    for (const auto& item : lm->named_parameters()) {
      EXPECT_TRUE(item.value().grad().defined()) << item.key();
      const torch::NoGradGuard no_grad;
      item.value().sub_(item.value().grad().sign() * 0.02);
      item.value().mutable_grad() = Tensor();
    }
  }
}

}  // namespace
}  // namespace vragent::learning
