// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/decoding/sampler.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "engine/decoding/device_draw.h"
#include "engine/decoding/row_sampler.h"
#include "support/formula.h"
#include "support/tensor_matchers.h"
#include "vragent/util/error.h"

namespace vragent::engine {
namespace {

using torch::Tensor;

/// The scores that make_golden.py filtered.
Tensor golden_scores() {
  Tensor scores = test::formula({1, 40}, "scores") * 12;
  scores[0][11] = scores[0][3];
  return scores;
}

std::vector<DrawRow> rows_of(std::int64_t count, std::uint64_t seed = 5, std::uint64_t step = 0) {
  std::vector<DrawRow> rows;
  for (std::int64_t row = 0; row < count; ++row)
    rows.push_back(
        {.key = {.seed = seed, .sample = static_cast<std::uint64_t>(row), .step = step}});
  return rows;
}

struct Draws {
  Tensor ids;        ///< int64 [B]
  Tensor log_probs;  ///< fp32 [B]
};

Draws draw(const Tensor& logits,
           const chat::SamplingConfig& config,
           const std::vector<DrawRow>& rows) {
  std::vector<std::int64_t> ids;
  std::vector<float> log_probs;
  for (const Draw& one : draw_tokens(logits, config, rows)) {
    ids.push_back(one.id);
    log_probs.push_back(one.log_prob);
  }
  return {torch::tensor(ids), torch::tensor(log_probs)};
}

std::vector<float> row_of(const Tensor& scores) {
  const Tensor row = scores.contiguous();
  return {row.const_data_ptr<float>(), row.const_data_ptr<float>() + row.numel()};
}

TEST(SamplerFilters, KeepTheTokensThatTransformersKeeps) {
  const Json golden = test::read_golden("sampler.json");
  for (const Json& one : golden["cases"]) {
    const auto name = one["filter"].get<std::string>();
    const auto value = one["value"].get<double>();
    std::vector<float> row = row_of(golden_scores());
    if (name == "top_k") keep_top_k(row, static_cast<std::int64_t>(value));
    if (name == "top_p") keep_top_p(row, value);
    if (name == "min_p") keep_min_p(row, value);
    const Tensor filtered = torch::tensor(row).unsqueeze(0);
    const Tensor kept = filtered.isfinite()[0].nonzero().squeeze(1);
    const Tensor wanted = torch::tensor(one["kept"].get<std::vector<std::int64_t>>());
    // Which of two equal scores top-p keeps is left to the sort there: scores, not places.
    const auto sorted_scores = [](const Tensor& places) {
      return std::get<0>(golden_scores()[0].index_select(0, places).sort());
    };
    EXPECT_TRUE(sorted_scores(kept).equal(sorted_scores(wanted))) << name << " " << value << kept;
    EXPECT_TRUE(filtered[0].index_select(0, kept).equal(golden_scores()[0].index_select(0, kept)));
  }
}

TEST(SamplerFilters, LetEverythingPassWhenTheyAreOff) {
  const std::vector<float> scores = row_of(golden_scores());
  std::vector<float> row = scores;
  keep_top_k(row, 0);
  keep_top_p(row, 1.0);
  keep_min_p(row, 0.0);
  EXPECT_EQ(row, scores);
}

TEST(SamplerFilters, LeaveOneTokenAtLeast) {
  const auto num_kept = [](const std::vector<float>& row) {
    return std::count_if(row.begin(), row.end(), [](float x) { return std::isfinite(x); });
  };
  for (const double p : {0.0, 1e-9}) {
    std::vector<float> row(5, 0.0F);
    keep_top_p(row, p);
    EXPECT_EQ(num_kept(row), 1);
  }
  std::vector<float> row(5, 0.0F);
  keep_min_p(row, 1.0);
  EXPECT_EQ(num_kept(row), 5) << "all are as good as the best";
}

TEST(SoftmaxSums, AreThoseOfDoublePrecision) {
  for (const std::int64_t count : {1, 511, 512, 513, 5000}) {
    const Tensor scores = test::randn({count}, 3) * 8;
    const SoftmaxSums sums = softmax_sums(row_of(scores));
    const Tensor wide = scores.to(torch::kFloat64);
    EXPECT_NEAR(std::log(sums.total) + sums.largest, wide.logsumexp(0).item<double>(), 1e-6);
    EXPECT_EQ(sums.argmax, scores.argmax().item<std::int64_t>());
  }
}

TEST(IndexAt, InvertsTheCumulativeDistribution) {
  const Tensor scores = test::randn({3000}, 4) * 3;
  const std::vector<float> row = row_of(scores);
  const SoftmaxSums sums = softmax_sums(row);
  const Tensor cumulative = torch::softmax(scores.to(torch::kFloat64), 0).cumsum(0);
  for (int i = 0; i < 400; ++i) {
    const double uniform = (i + 0.5) / 400;
    const std::int64_t index = index_at(row, sums, uniform);
    EXPECT_GT(cumulative[index].item<double>(), uniform - 1e-6);
    if (index > 0) {
      EXPECT_LE(cumulative[index - 1].item<double>(), uniform + 1e-6);
    }
  }
}

TEST(RepetitionPenalty, ChangesScoresAsTransformersDoes) {
  const Json golden = test::read_golden("sampler.json")["repetition_penalty"];
  const Tensor wanted = torch::tensor(golden["scores"].get<std::vector<double>>()).unsqueeze(0);
  const auto ids = golden["ids"].get<std::vector<std::int64_t>>();
  std::vector<DrawRow> rows = rows_of(1);
  rows[0].prompt = std::span(ids).first(ids.size() / 2);
  rows[0].answer = ids;  // a token counts once, however often it was seen
  const chat::SamplingConfig config{.temperature = 0,
                                    .repetition_penalty = golden["penalty"].get<double>()};
  const Draws draws = draw(golden_scores(), config, rows);
  EXPECT_EQ(draws.ids[0].item<std::int64_t>(), wanted[0].argmax().item<std::int64_t>());
  EXPECT_NEAR(
      draws.log_probs[0].item<double>(), torch::log_softmax(wanted, -1).max().item<double>(), 1e-5);
}

TEST(DrawTokens, TakeTheBestWhenGreedy) {
  const Tensor logits = test::randn({6, 30}, 1);
  const Draws draws = draw(logits, {.temperature = 0}, rows_of(6));
  EXPECT_TRUE(draws.ids.equal(logits.argmax(-1)));
  EXPECT_TRUE(
      test::close(draws.log_probs, std::get<0>(torch::log_softmax(logits, -1).max(-1)), 1e-5));
}

TEST(DrawTokens, GiveLogProbabilitiesAtTheTemperatureBeforeFilters) {
  const Tensor logits = test::randn({6, 30}, 1) * 3;
  const chat::SamplingConfig config{.temperature = 0.7, .top_k = 3, .top_p = 0.9};
  const Draws draws = draw(logits, config, rows_of(6));
  const Tensor wanted =
      torch::log_softmax(logits / 0.7, -1).gather(1, draws.ids.unsqueeze(1)).squeeze(1);
  EXPECT_TRUE(test::close(draws.log_probs, wanted, 1e-5));
}

TEST(DrawTokens, FollowTheDistribution) {
  const std::int64_t rows = 20000;
  const Tensor probabilities = torch::tensor({0.5F, 0.0F, 0.3F, 0.15F, 0.05F});
  const Tensor logits = probabilities.log().clamp_min(-80).expand({rows, 5});
  const Tensor ids = draw(logits, {}, rows_of(rows)).ids;
  const Tensor shares = torch::bincount(ids, {}, 5).to(torch::kFloat64) / static_cast<double>(rows);
  EXPECT_TRUE(test::close(shares, probabilities, 0.012));  // over three standard deviations
  const Tensor flat = torch::softmax(logits[0] / 2.0, 0);
  const Tensor warm = draw(logits, {.temperature = 2.0}, rows_of(rows, 6)).ids;
  EXPECT_TRUE(test::close(
      torch::bincount(warm, {}, 5).to(torch::kFloat64) / static_cast<double>(rows), flat, 0.012));
}

TEST(DrawTokens, NeverTakeATokenOfProbabilityZero) {
  Tensor logits = torch::full({4000, 6}, -1e9F);
  logits.select(1, 2).fill_(0);
  logits.select(1, 4).fill_(0);
  const Tensor ids = draw(logits, {}, rows_of(4000)).ids;
  EXPECT_TRUE(((ids == 2) | (ids == 4)).all().item<bool>());
  const Tensor first = draw(logits, {.top_k = 1}, rows_of(4000)).ids;
  EXPECT_TRUE(((first == 2) | (first == 4)).all().item<bool>()) << "ties of the best survive top-k";
  logits.select(1, 4).fill_(1);
  EXPECT_TRUE((draw(logits, {.top_k = 1}, rows_of(4000)).ids == 4).all().item<bool>());
  EXPECT_TRUE((draw(logits, {.top_p = 0.1}, rows_of(4000)).ids == 4).all().item<bool>());
}

TEST(DrawTokens, DependOnARowsOwnLogitsAndKeyAlone) {
  const Tensor logits = test::randn({12, 40}, 2);
  const auto rows = rows_of(12);
  const chat::SamplingConfig config{.temperature = 1.3, .top_k = 20, .top_p = 0.95, .min_p = 0.01};
  const Draws together = draw(logits, config, rows);
  for (std::int64_t row = 0; row < 12; ++row) {
    const Draws alone =
        draw(logits.narrow(0, row, 1), config, {rows[static_cast<std::size_t>(row)]});
    EXPECT_EQ(alone.ids[0].item<std::int64_t>(), together.ids[row].item<std::int64_t>());
    EXPECT_NEAR(alone.log_probs[0].item<float>(), together.log_probs[row].item<float>(), 1e-6);
  }
}

TEST(DrawTokens, AcceptBf16) {
  const Tensor logits = test::randn({3, 20}, 4).to(torch::kBFloat16);
  const Draws narrow = draw(logits, {}, rows_of(3));
  EXPECT_TRUE(narrow.ids.equal(draw(logits.to(torch::kFloat32), {}, rows_of(3)).ids));
  EXPECT_EQ(narrow.log_probs.scalar_type(), torch::kFloat32);
}

TEST(DrawTokens, AreTheSameByTheOperationsOfOtherDevices) {
  const std::int64_t count = 3000;
  Tensor logits = test::randn({count, 1300}, 8) * 3;  // not a whole number of blocks
  logits[5].fill_(std::nanf(""));
  logits[6][1299] = 60;
  const std::vector<DrawRow> rows = rows_of(count);
  for (const double temperature : {0.0, 0.7, 1.0}) {
    const chat::SamplingConfig config{.temperature = temperature};
    const std::vector<Draw> got = draw_on_device(logits, config, rows);
    EXPECT_TRUE(std::isnan(got[5].log_prob));
    EXPECT_EQ(got[6].id, 1299);
    const Draws wanted =
        draw(torch::cat({logits.narrow(0, 0, 5), logits.narrow(0, 6, count - 6)}), config, [&] {
          std::vector<DrawRow> finite = rows;
          finite.erase(finite.begin() + 5);
          return finite;
        }());
    int others = 0;
    for (std::int64_t row = 0; row < count - 1; ++row) {
      const Draw& one = got[static_cast<std::size_t>(row < 5 ? row : row + 1)];
      if (one.id == wanted.ids[row].item<std::int64_t>()) {
        EXPECT_NEAR(one.log_prob, wanted.log_probs[row].item<float>(), 1e-5);
      } else {
        others += 1;
      }
    }
    EXPECT_LE(others, 1) << temperature;  // on the border of two tokens, by rounding
  }
}

TEST(DrawTokens, NeedTheCpuForFiltersAndPenalties) {
  EXPECT_TRUE(draws_on_device({.temperature = 1}));
  EXPECT_TRUE(draws_on_device({.temperature = 0, .top_k = 5, .top_p = 0.5}));
  EXPECT_FALSE(draws_on_device({.temperature = 1, .top_k = 5}));
  EXPECT_FALSE(draws_on_device({.temperature = 1, .top_p = 0.5}));
  EXPECT_FALSE(draws_on_device({.temperature = 1, .min_p = 0.1}));
  EXPECT_FALSE(draws_on_device({.temperature = 0, .repetition_penalty = 1.1}));
}

TEST(DrawTokens, RefuseNonFiniteLogitsNamingStepPromptAndSample) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const double temperature : {0.0, 1.0}) {
      Tensor logits = test::randn({3, 20}, 4);
      logits[1][7] = bad;
      try {
        std::vector<DrawRow> rows = rows_of(3, 5, /*step=*/17);
        rows[1].prompt_index = 40;
        draw(logits, {.temperature = temperature}, rows);
        FAIL() << "no error for " << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::kInternal);
        EXPECT_NE(std::string(error.what()).find("step 17 of prompt 40, sample 1:"),
                  std::string::npos)
            << error.what();
      }
    }
  }
}

TEST(UniformOf, IsEvenInTheUnitIntervalAndDiffersByEveryPartOfTheKey) {
  double sum = 0;
  double least = 1;
  double most = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const double u = uniform_of({.seed = 3, .sample = i % 100, .step = i / 100});
    sum += u;
    least = std::min(least, u);
    most = std::max(most, u);
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.01);
  EXPECT_GE(least, 0.0);
  EXPECT_LT(most, 1.0);
  const double base = uniform_of({1, 2, 3});
  EXPECT_NE(base, uniform_of({2, 2, 3}));
  EXPECT_NE(base, uniform_of({1, 3, 3}));
  EXPECT_NE(base, uniform_of({1, 2, 4}));
  EXPECT_NE(uniform_of({1, 2, 3}), uniform_of({1, 3, 2}));
}

}  // namespace
}  // namespace vragent::engine
