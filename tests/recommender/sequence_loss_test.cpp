// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/sequence_loss.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/util/error.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

constexpr std::int64_t kMaxLen = 4;
constexpr std::int64_t kNumItems = 12;
constexpr std::int64_t kWidth = 3;

std::vector<TrainingRow> mixed_rows() {
  return {{.items = {1, 2, 3, 4, 5}},
          {.items = {3, 7}},
          {.items = {2, 6, 2, 8}},
          {.items = {9, 1, 4}, .first_target = 2}};
}

SequenceBatch batch_of(const std::vector<TrainingRow>& rows) {
  std::vector<const TrainingRow*> pointers;
  for (const TrainingRow& row : rows) pointers.push_back(&row);
  return make_batch(pointers, kMaxLen, std::vector<double>(kNumItems + 1, 1.0 / kNumItems));
}

SequenceBatch prepared(const LossConfig& config, std::uint64_t seed = 5) {
  return with_candidates(batch_of(mixed_rows()), config, kNumItems, seed);
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// The loss of one target from its scores, in plain numbers.
double loss_of_target(const LossConfig& config,
                      double positive,
                      const std::vector<double>& negatives,
                      const std::vector<double>& all,
                      double beta) {
  const auto count = static_cast<double>(negatives.size());
  double sum = 0;
  if (config.loss == "softmax") {
    for (const double score : all) sum += std::exp(score);
    return -std::log(std::exp(positive) / sum);
  }
  if (config.loss == "sampled-softmax") {
    for (const double score : negatives) sum += std::exp(score);
    return -std::log(std::exp(positive) / (std::exp(positive) + sum));
  }
  if (config.loss == "bpr") {
    for (const double score : negatives) sum -= std::log(sigmoid(positive - score));
    return sum / count;
  }
  for (const double score : negatives) sum -= std::log(1 - sigmoid(score));
  return (sum - std::log(std::pow(sigmoid(positive), beta))) / (count + 1);
}

/// The loss by loops over users, positions and negatives. @param table [N+1, D]
double loss_by_loops(const LossConfig& config,
                     const SequenceBatch& batch,
                     const Tensor& states,
                     const Tensor& table,
                     double beta) {
  const std::vector<TrainingRow> rows = mixed_rows();
  double sum = 0;
  std::int64_t num_targets = 0;
  for (std::size_t u = 0; u < rows.size(); ++u) {
    const std::int64_t offset = kMaxLen + 1 - std::ssize(rows[u].items);
    for (std::int64_t i = rows[u].first_target; i < std::ssize(rows[u].items); ++i) {
      const auto user = static_cast<std::int64_t>(u);
      const std::int64_t t = offset + i - 1;
      const auto score = [&](std::int64_t item) {
        return states[user][t].dot(table[item]).item<double>();
      };
      std::vector<double> all;
      for (std::int64_t item = 1; item <= kNumItems; ++item) all.push_back(score(item));
      std::vector<double> negatives;
      if (config.draws_negatives()) {
        const Tensor places = batch.negatives[user][config.negatives_per == "row" ? 0 : t];
        for (std::int64_t k = 0; k < places.size(0); ++k)
          negatives.push_back(
              score(batch.unique[places[k].item<std::int64_t>()].item<std::int64_t>()));
      }
      sum += loss_of_target(
          config, score(rows[u].items[static_cast<std::size_t>(i)]), negatives, all, beta);
      ++num_targets;
    }
  }
  return sum / static_cast<double>(num_targets);
}

struct LossCase {
  std::string name;
  LossConfig config;
  double beta = 1;  ///< worked out by hand from gSASRec's formula, N = 12
};

class SequenceLoss : public ::testing::TestWithParam<LossCase> {
 protected:
  Tensor states = test::randn({4, kMaxLen, kWidth}, 1).to(torch::kFloat64).requires_grad_();
  Tensor table = test::randn({kNumItems + 1, kWidth}, 2).to(torch::kFloat64).requires_grad_();
  LossConfig config = GetParam().config;
  SequenceBatch batch = prepared(config);

  Tensor loss() {
    return sequence_loss(states, table.index_select(0, batch.unique), batch, config, kNumItems);
  }
};

TEST_P(SequenceLoss, EqualsTheFormulaByLoops) {
  EXPECT_NEAR(
      loss().item<double>(), loss_by_loops(config, batch, states, table, GetParam().beta), 1e-9);
}

TEST_P(SequenceLoss, HasTrueGradients) {
  const auto value = [&] { return loss().item<double>(); };
  const auto got = torch::autograd::grad({loss()}, {states, table});
  EXPECT_TRUE(test::close(got[0], test::numeric_gradient(value, states), 1e-7));
  EXPECT_TRUE(test::close(got[1], test::numeric_gradient(value, table), 1e-7));
}

INSTANTIATE_TEST_SUITE_P(
    Losses,
    SequenceLoss,
    ::testing::Values(
        LossCase{"Softmax", {.loss = "softmax"}},
        LossCase{"SampledSoftmax", {.loss = "sampled-softmax", .num_negatives = 2}},
        LossCase{"ManySampled", {.loss = "sampled-softmax", .num_negatives = 9}},
        LossCase{"SampledForARow",
                 {.loss = "sampled-softmax", .num_negatives = 5, .negatives_per = "row"}},
        LossCase{"Bce", {.loss = "bce"}},
        LossCase{"BceOfMany", {.loss = "bce", .num_negatives = 8}},
        // alpha = 2/11; beta = alpha (0.75 (1 - 5.5) + 5.5) = 4.25/11
        LossCase{"Gbce",
                 {.loss = "bce", .num_negatives = 2, .bce_calibration = 0.75},
                 0.38636363636363635},
        LossCase{"FullyCalibratedBce",
                 {.loss = "bce", .num_negatives = 1, .negatives_per = "row", .bce_calibration = 1},
                 1.0 / 11.0},
        LossCase{"Bpr", {.loss = "bpr"}},
        LossCase{"BprForARow", {.loss = "bpr", .num_negatives = 3, .negatives_per = "row"}}),
    [](const auto& instance) { return instance.param.name; });

TEST(WithCandidates, LeavesTheDefaultAlone) {
  const SequenceBatch plain = batch_of(mixed_rows());
  const SequenceBatch got = prepared({});
  EXPECT_TRUE(got.unique.equal(plain.unique));
  EXPECT_TRUE(got.log_pop.equal(plain.log_pop));
  EXPECT_FALSE(got.negatives.defined());
}

TEST(WithCandidates, NumbersPlacesByCatalogueForSoftmax) {
  const SequenceBatch plain = batch_of(mixed_rows());
  const SequenceBatch got = prepared({.loss = "softmax"});
  EXPECT_TRUE(got.unique.equal(torch::arange(kNumItems + 1)));
  const Tensor items = plain.unique.index_select(0, plain.targets.flatten());
  EXPECT_TRUE(got.targets.flatten().equal(items));
}

TEST(WithCandidates, DrawsTheSameForTheSameSeedOnly) {
  const LossConfig config = {.loss = "bpr", .num_negatives = 6};
  const auto items = [&](std::uint64_t seed) {
    const SequenceBatch batch = prepared(config, seed);
    return batch.unique.index_select(0, batch.negatives.flatten());
  };
  EXPECT_TRUE(items(5).equal(items(5)));
  EXPECT_FALSE(items(5).equal(items(6)));
}

TEST(WithCandidates, DrawsUniformlyWhatTheRowHasNot) {
  const LossConfig config = {.loss = "bpr", .num_negatives = 6000, .negatives_per = "row"};
  const SequenceBatch batch = prepared(config);
  const Tensor items = batch.unique.index_select(0, batch.negatives[1].flatten());
  const Tensor counts = torch::bincount(items, {}, kNumItems + 1);
  for (std::int64_t item = 0; item <= kNumItems; ++item) {
    const auto count = counts[item].item<double>();
    if (item == 0 || item == 3 || item == 7) {
      EXPECT_EQ(count, 0) << item;
    } else {
      EXPECT_NEAR(count, 600, 5 * std::sqrt(600.0)) << item;
    }
  }
}

TEST(WithCandidates, DrawsNothingWhereThereIsNoTarget) {
  const SequenceBatch batch = prepared({.loss = "bce", .num_negatives = 2});
  const Tensor drawn = batch.negatives.gt(0).all(2);
  EXPECT_TRUE(drawn.equal(batch.targets.gt(0)));
}

TEST(WithCandidates, RefusesARowThatHasSeenEverything) {
  SequenceBatch batch = batch_of({{.items = {1, 2}}});
  EXPECT_THROW(with_candidates(batch, {.loss = "bce"}, 2, 1), DataError);
}

TEST(LossConfig, RefusesCalibrationOfAnotherLoss) {
  EXPECT_THROW((LossConfig{.loss = "bpr", .bce_calibration = 0.5}.check()), ConfigError);
  EXPECT_THROW((LossConfig{.loss = "hinge"}.check()), ConfigError);
  EXPECT_THROW((LossConfig{.num_negatives = 0}.check()), ConfigError);
}

}  // namespace
}  // namespace vragent::recommender
