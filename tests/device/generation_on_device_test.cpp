// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/device.h"
#include "support/tiny_models.h"
#include "vragent/engine/decoding/sampler.h"
#include "vragent/engine/generator.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::engine {
namespace {

using torch::Tensor;
using Answers = std::vector<std::vector<Sample>>;

constexpr std::int64_t kVocab = 700;

class GenerationOnDevice : public ::testing::Test {
 protected:
  GenerationOnDevice() {
    RandomStream random(8);
    for (const std::int64_t length : {5, 1, 170, 9, 2, 64}) {
      Prompt prompt{.seed = static_cast<std::uint64_t>(100 + length),
                    .num_samples = 1 + length % 4};
      for (std::int64_t i = 0; i < length; ++i) prompt.ids.push_back(random.below(kVocab));
      prompts.push_back(prompt);
    }
  }

  static models::CausalLm model(torch::Dtype dtype, torch::Device device) {
    models::CausalLm lm(test::tiny_lm_config(kVocab));
    test::randomise(*lm, 3, 0.3);
    nn::set_requires_grad(*lm, false);
    lm->to(dtype);
    lm->to(device);
    return lm;
  }

  [[nodiscard]] Answers answers(torch::Dtype dtype,
                                torch::Device device,
                                double temperature,
                                std::int64_t rows) const {
    const models::CausalLm lm = model(dtype, device);
    return generate(lm->text(),
                    prompts,
                    {.sampling = {.temperature = temperature, .max_tokens = 90},
                     .stop_ids = {3, 7, 11, 20},
                     .max_rows = rows});
  }

  static void expect_same(const Answers& got, const Answers& wanted, double bound) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t p = 0; p < got.size(); ++p) {
      ASSERT_EQ(got[p].size(), wanted[p].size());
      for (std::size_t s = 0; s < got[p].size(); ++s) {
        ASSERT_EQ(got[p][s].ids, wanted[p][s].ids) << p << " " << s;
        for (std::size_t i = 0; i < got[p][s].ids.size(); ++i)
          ASSERT_NEAR(got[p][s].log_probs[i], wanted[p][s].log_probs[i], bound) << p << " " << s;
      }
    }
  }

  const torch::NoGradGuard no_grad;
  std::vector<Prompt> prompts;
};

TEST_F(GenerationOnDevice, IsThatOfTheCpu) {
  for (const double temperature : {0.0, 1.0}) {
    const Answers wanted = answers(torch::kFloat32, torch::kCPU, temperature, 128);
    for (const std::int64_t rows : {3, 128})
      expect_same(answers(torch::kFloat32, test::device(), temperature, rows), wanted, 1e-3);
  }
}

TEST_F(GenerationOnDevice, IsTheSameWithAndWithoutRecordedSteps) {
  for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
    setenv("VRAGENT_CUDA_GRAPHS", "0", 1);  // NOLINT(concurrency-mt-unsafe)
    const Answers wanted = answers(dtype, test::device(), 1.0, 7);
    unsetenv("VRAGENT_CUDA_GRAPHS");  // NOLINT(concurrency-mt-unsafe)
    expect_same(answers(dtype, test::device(), 1.0, 7), wanted, 0);
  }
}

TEST_F(GenerationOnDevice, RecordsLogProbabilitiesOfWholeForwardPassesInBfloat16) {
  const Answers drawn = answers(torch::kBFloat16, test::device(), 1.0, 128);
  models::CausalLm lm = model(torch::kFloat32, torch::kCPU);
  lm->to(torch::kBFloat16);
  lm->to(torch::kFloat32);
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t p = 0; p < drawn.size(); ++p) {
    for (const Sample& sample : drawn[p]) {
      std::vector<std::int64_t> all = prompts[p].ids;
      all.insert(all.end(), sample.ids.begin(), sample.ids.end());
      const Tensor rows = torch::log_softmax(lm(torch::tensor(all).unsqueeze(0))[0], -1);
      for (std::size_t i = 0; i < sample.ids.size(); ++i) {
        const auto row = static_cast<std::int64_t>(prompts[p].ids.size() + i) - 1;
        sum += std::abs(static_cast<double>(sample.log_probs[i]) -
                        rows[row][sample.ids[i]].item<double>());
        count += 1;
      }
    }
  }
  ASSERT_GT(count, 200);
  EXPECT_LE(sum / static_cast<double>(count), 0.05);
}

TEST_F(GenerationOnDevice, DrawsTheTokensOfTheCpu) {
  const std::int64_t count = 2000;
  torch::manual_seed(5);
  const Tensor logits = torch::randn({count, 1300}) * 3;
  std::vector<DrawRow> rows;
  for (std::int64_t row = 0; row < count; ++row)
    rows.push_back({.key = {.seed = 5, .sample = static_cast<std::uint64_t>(row)}});
  for (const chat::SamplingConfig& config :
       {chat::SamplingConfig{.temperature = 0},
        chat::SamplingConfig{.temperature = 0.8},
        chat::SamplingConfig{.temperature = 1, .top_k = 20, .top_p = 0.8}}) {
    const std::vector<Draw> wanted = draw_tokens(logits, config, rows);
    const std::vector<Draw> got = draw_tokens(logits.to(test::device()), config, rows);
    int others = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (got[row].id != wanted[row].id) {
        others += 1;
      } else {
        EXPECT_NEAR(got[row].log_prob, wanted[row].log_prob, 1e-4);
      }
    }
    EXPECT_LE(others, 1);  // on the border of two tokens, by rounding
  }
}

TEST_F(GenerationOnDevice, RefusesWeightsThatAreNotFinite) {
  const models::CausalLm lm = model(torch::kFloat32, test::device());
  lm->model->norm->weight.fill_(std::nanf(""));
  EXPECT_THROW(generate(lm->text(), prompts, {.sampling = {.max_tokens = 4}}), Error);
}

}  // namespace
}  // namespace vragent::engine
