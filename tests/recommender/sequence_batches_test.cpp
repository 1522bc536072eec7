// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/sequence_batches.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "support/tensor_matchers.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

constexpr std::int64_t kMaxLen = 4;
constexpr std::int64_t kNumItems = 9;
constexpr std::int64_t kWidth = 3;

/// Rows that share items, repeat one, and two of which have a single target at their end, one
/// behind a history that does not count: 9 stands in no other.
std::vector<TrainingRow> mixed_rows() {
  return {{.items = {1, 2, 3, 4, 5}},
          {.items = {3, 7}},
          {.items = {2, 6, 2, 8}},
          {.items = {9, 1, 4}, .first_target = 2, .repeats = true},
          {.items = {5, 3, 1}},
          {.items = {1, 2, 6}, .first_target = 2}};
}

std::vector<double> popularity() {
  std::vector<double> shares = {0.0};
  for (std::int64_t item = 1; item <= kNumItems; ++item)
    shares.push_back(static_cast<double>(item) / 45.0);
  return shares;
}

SequenceBatch batch_of(const std::vector<TrainingRow>& rows) {
  std::vector<const TrainingRow*> pointers;
  for (const TrainingRow& row : rows) pointers.push_back(&row);
  return make_batch(pointers, kMaxLen, popularity());
}

/// The release's loss written out over all B * (L+1) columns (`recommender.md` 3.1).
/// @param states [B, L, D]; table [N+1, D]
Tensor loss_over_all_columns(const std::vector<TrainingRow>& rows,
                             const Tensor& states,
                             const Tensor& table) {
  std::vector<std::vector<std::int64_t>> padded;
  for (const TrainingRow& row : rows) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(kMaxLen) + 1 - row.items.size(), 0);
    ids.insert(ids.end(), row.items.begin(), row.items.end());
    padded.push_back(ids);
  }
  const auto shares = popularity();
  std::vector<Tensor> losses;
  for (std::size_t u = 0; u < rows.size(); ++u) {
    const std::size_t offset = static_cast<std::size_t>(kMaxLen) + 1 - rows[u].items.size();
    for (std::size_t t = 0; t < static_cast<std::size_t>(kMaxLen); ++t) {
      if (t + 1 < offset + static_cast<std::size_t>(rows[u].first_target)) continue;
      std::vector<Tensor> logits;
      Tensor target;
      for (std::size_t v = 0; v < rows.size(); ++v) {
        const std::size_t pads = padded[v].size() - rows[v].items.size();
        const std::size_t first = pads + static_cast<std::size_t>(rows[v].first_counted());
        for (std::size_t j = rows[v].repeats ? first : 0; j < padded[v].size(); ++j) {
          const std::int64_t item = padded[v][j];
          const bool is_target = v == u && j == t + 1;
          const bool is_own = std::count(padded[u].begin(), padded[u].end(), item) > 0;
          Tensor logit =
              states[static_cast<std::int64_t>(u)][static_cast<std::int64_t>(t)].dot(table[item]);
          if (item > 0) logit = logit - std::log(shares[static_cast<std::size_t>(item)]);
          if (!is_target && (is_own || item == 0)) logit = torch::full({}, -1e4, torch::kFloat64);
          if (is_target) target = logit;
          logits.push_back(logit);
        }
      }
      for (const std::int64_t item : rows[u].negatives) {  // a column of its own where it has none
        const auto has = [&](const auto& row) {
          return std::count(row.begin(), row.end(), item) > 0;
        };
        if (std::any_of(padded.begin(), padded.end(), has)) continue;
        logits.push_back(
            states[static_cast<std::int64_t>(u)][static_cast<std::int64_t>(t)].dot(table[item]) -
            std::log(shares[static_cast<std::size_t>(item)]));
      }
      losses.push_back(torch::stack(logits).logsumexp(0) - target);
    }
  }
  return torch::stack(losses).mean();
}

class DebiasedSoftmaxLoss : public ::testing::Test {
 protected:
  Tensor states = test::randn({6, kMaxLen, kWidth}, 1).to(torch::kFloat64).requires_grad_();
  Tensor table = test::randn({kNumItems + 1, kWidth}, 2).to(torch::kFloat64).requires_grad_();
  std::vector<TrainingRow> rows = mixed_rows();
  SequenceBatch batch = batch_of(rows);

  Tensor loss() {
    return debiased_softmax_loss(states, table.index_select(0, batch.unique), batch);
  }
};

TEST_F(DebiasedSoftmaxLoss, EqualsTheFormulaOverAllColumns) {
  EXPECT_TRUE(test::close(loss(), loss_over_all_columns(rows, states, table), 1e-6));
}

TEST_F(DebiasedSoftmaxLoss, HasTheGradientsOfTheFormula) {
  const auto got = torch::autograd::grad({loss()}, {states, table});
  const auto wanted =
      torch::autograd::grad({loss_over_all_columns(rows, states, table)}, {states, table});
  EXPECT_TRUE(test::close(got[0], wanted[0], 1e-6));
  EXPECT_TRUE(test::close(got[1], wanted[1], 1e-6));
}

TEST_F(DebiasedSoftmaxLoss, ComparesARowWithItsOwnNegativesAndNoOtherRowWithThem) {
  rows = {{.items = {1, 2, 3, 4, 5}, .negatives = {9, 7}},  // 9 stands in no row, 7 in another
          {.items = {3, 7}},
          {.items = {2, 6, 2, 8}, .negatives = {2, 9}},  // 2 is its own
          {.items = {5, 3, 1}}};
  states = test::randn({4, kMaxLen, kWidth}, 1).to(torch::kFloat64).requires_grad_();
  batch = batch_of(rows);
  const Tensor wanted = loss_over_all_columns(rows, states, table);
  EXPECT_TRUE(test::close(loss(), wanted, 1e-6));
  const auto value = [&] { return loss().item<double>(); };
  const auto got = torch::autograd::grad({loss()}, {states, table});
  EXPECT_TRUE(test::close(got[0], test::numeric_gradient(value, states), 1e-6));
  EXPECT_TRUE(test::close(got[1], test::numeric_gradient(value, table), 1e-6));
  EXPECT_GT(got[1][9].abs().max().item<double>(), 0.0);
  const double with = loss().item<double>();
  for (TrainingRow& row : rows) row.negatives.clear();
  batch = batch_of(rows);
  EXPECT_GT(with, loss().item<double>()) << "more to tell apart";
}

TEST_F(DebiasedSoftmaxLoss, HasTrueGradients) {
  const auto value = [&] { return loss().item<double>(); };
  const auto got = torch::autograd::grad({loss()}, {states, table});
  EXPECT_TRUE(test::close(got[0], test::numeric_gradient(value, states), 1e-6));
  EXPECT_TRUE(test::close(got[1], test::numeric_gradient(value, table), 1e-6));
}

TEST_F(DebiasedSoftmaxLoss, GivesPositionsWithoutTargetNoGradient) {
  const Tensor gradient = torch::autograd::grad({loss()}, {states})[0];
  const Tensor without = (batch.targets == 0).unsqueeze(-1).expand_as(gradient);
  EXPECT_EQ(gradient.masked_select(without).abs().max().item<double>(), 0.0);
  EXPECT_GT(gradient.masked_select(without.logical_not()).abs().min().item<double>(), 0.0);
}

TEST_F(DebiasedSoftmaxLoss, IsZeroWhenABatchHasNoNegatives) {
  rows = {{.items = {1, 2, 3}}};
  batch = batch_of(rows);
  states = test::randn({1, kMaxLen, kWidth}, 1).to(torch::kFloat64);
  EXPECT_NEAR(loss().item<double>(), 0.0, 1e-6);
}

TEST(MakeBatch, PadsOnTheLeftAndNumbersItemsByFirstUse) {
  const SequenceBatch batch = batch_of(mixed_rows());
  const auto item_at = [&](const Tensor& places) {
    return batch.unique.index_select(0, places.flatten()).view(places.sizes());
  };
  const auto ids = [](std::vector<std::int64_t> row) { return torch::tensor(row); };
  EXPECT_TRUE(item_at(batch.inputs)[0].equal(ids({1, 2, 3, 4})));
  EXPECT_TRUE(item_at(batch.targets)[0].equal(ids({2, 3, 4, 5})));
  EXPECT_TRUE(item_at(batch.own)[1].equal(ids({0, 0, 0, 3, 7})));
  EXPECT_TRUE(item_at(batch.inputs)[1].equal(ids({0, 0, 0, 3})));
  EXPECT_TRUE(item_at(batch.targets)[1].equal(ids({0, 0, 0, 7})));
  EXPECT_TRUE(item_at(batch.targets)[3].equal(ids({0, 0, 0, 4}))) << "only the last is a target";
  EXPECT_EQ(batch.unique[0].item<std::int64_t>(), 0);
  EXPECT_EQ(std::get<0>(at::_unique(batch.unique)).size(0), batch.unique.size(0));
}

TEST(MakeBatch, CountsHowOftenAnItemOccurs) {
  const SequenceBatch batch = batch_of(mixed_rows());
  for (std::int64_t i = 1; i < batch.unique.size(0); ++i) {
    const auto item = batch.unique[i].item<std::int64_t>();
    double count = 0;
    for (const TrainingRow& row : mixed_rows())
      count += static_cast<double>(
          std::count(row.items.begin() + row.first_counted(), row.items.end(), item));
    EXPECT_NEAR(batch.log_count[i].exp().item<double>(), count, 1e-5) << item;
    EXPECT_NEAR(batch.log_pop[i].item<double>(), std::log(static_cast<double>(item) / 45), 1e-6);
  }
}

TEST(TrainingRows, AreTheTrainPartsWithATarget) {
  // Windows of 5, 4 and 3 items leave 3, 2 and 1 for training.
  const data::Sequences sequences =
      sequences_of({{0, 1, 2, 3, 4}, {4, 3, 2, 1}, {0, 2, 4}}, 5, {.min_len = 3});
  const auto rows = training_rows(sequences);
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].items.size(), 3);
  EXPECT_EQ(rows[1].items.size(), 2);
  EXPECT_EQ(rows[0].first_target, 1);
}

}  // namespace
}  // namespace vragent::recommender
