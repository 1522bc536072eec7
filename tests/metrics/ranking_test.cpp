// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/ranking.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::metrics {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::ThrowsMessage;

TEST(RankOf, CountsTheCandidatesThatComeFirst) {
  EXPECT_EQ(rank_of(0, 0), 1);
  EXPECT_EQ(rank_of(4, 2), 7);
}

TEST(RankOf, RefusesNegativeCounts) {
  EXPECT_THROW((void)rank_of(-1, 0), std::logic_error);
  EXPECT_THROW((void)rank_of(0, -1), std::logic_error);
}

TEST(RankOf, PutsTheSmallerIndexFirstAmongEqualScores) {
  const std::vector<float> scores = {0.5F, 0.9F, 0.5F, 0.5F, 0.1F};
  EXPECT_EQ(rank_of(scores, 1), 1);
  EXPECT_EQ(rank_of(scores, 0), 2);
  EXPECT_EQ(rank_of(scores, 2), 3);
  EXPECT_EQ(rank_of(scores, 3), 4);
  EXPECT_EQ(rank_of(scores, 4), 5);
}

TEST(RankOf, PutsAMaskedAndANanScoreLast) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> scores = {std::nanf(""), -infinity, 0.0F, std::nanf("")};
  EXPECT_EQ(rank_of(scores, 2), 1);
  EXPECT_EQ(rank_of(scores, 1), 2);
  EXPECT_EQ(rank_of(scores, 0), 3);
  EXPECT_EQ(rank_of(scores, 3), 4);
}

TEST(RankOf, RefusesATargetThatIsNotThere) {
  const std::vector<float> scores = {1.0F};
  EXPECT_THROW((void)rank_of(scores, 1), std::logic_error);
}

TEST(NdcgAt, IsOneOverLogOfRankPlusOneInsideTheCutOff) {
  EXPECT_DOUBLE_EQ(ndcg_at(1, 10), 1.0);
  EXPECT_DOUBLE_EQ(ndcg_at(3, 10), 0.5);
  EXPECT_DOUBLE_EQ(ndcg_at(10, 10), 1.0 / std::log2(11.0));
  EXPECT_EQ(ndcg_at(11, 10), 0.0);
  EXPECT_EQ(hit_at(10, 10), 1.0);
  EXPECT_EQ(hit_at(11, 10), 0.0);
}

TEST(RankingAccumulator, AveragesOverAllUsersAtEveryCutOff) {
  RankingAccumulator users({1, 3});
  users.add(1);
  users.add(3);
  users.add(7);
  users.add(2);
  const RankingMetrics metrics = users.value();
  ASSERT_EQ(metrics.cutoffs.size(), 2U);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[0].hit_rate, 0.25);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[0].ndcg, 0.25);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[1].hit_rate, 0.75);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[1].ndcg, (1.0 + 0.5 + 1.0 / std::log2(3.0)) / 4.0);
  EXPECT_DOUBLE_EQ(metrics.mean_rank, 13.0 / 4.0);
  EXPECT_DOUBLE_EQ(metrics.mrr, (1.0 + 1.0 / 3 + 1.0 / 7 + 0.5) / 4.0);
}

TEST(RankingAccumulator, CountsAUserWithoutAListAsAMissAndReportsIt) {
  RankingAccumulator users({10});
  users.add(1);
  users.add_miss();
  users.add_without_list();
  users.add_without_list();
  const RankingMetrics metrics = users.value();
  EXPECT_EQ(metrics.num_users, 4);
  EXPECT_EQ(metrics.num_ranked, 1);
  EXPECT_EQ(metrics.num_without_list, 2);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[0].hit_rate, 0.25);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[0].ndcg, 0.25);
  EXPECT_DOUBLE_EQ(metrics.mrr, 0.25);
  EXPECT_DOUBLE_EQ(metrics.mean_rank, 1.0);
}

TEST(RankingAccumulator, IsZeroWhileEmpty) {
  const RankingMetrics metrics = RankingAccumulator().value();
  EXPECT_EQ(metrics.num_users, 0);
  EXPECT_EQ(metrics.cutoffs.at(0).hit_rate, 0.0);
  EXPECT_EQ(metrics.mean_rank, 0.0);
}

TEST(RankingAccumulator, RefusesWrongCutOffsNamingThem) {
  EXPECT_THAT(
      [] {
        RankingAccumulator users({10, 0});
      },
      ThrowsMessage<ConfigError>(HasSubstr("k: 0 is below 1")));
  EXPECT_THAT(
      [] {
        RankingAccumulator users({10, 10});
      },
      ThrowsMessage<ConfigError>(HasSubstr("k: 10 is given twice")));
  EXPECT_THROW(RankingAccumulator users(std::vector<std::int64_t>{}), ConfigError);
}

TEST(RankingAccumulator, RefusesARankBelowOne) {
  RankingAccumulator users;
  EXPECT_THROW(users.add(0), std::logic_error);
}

TEST(NamedValues, UsesTheNamesOfTheMetricsFile) {
  RankingAccumulator users({10, 20});
  users.add(15);
  EXPECT_THAT(named_values(users.value()),
              ::testing::ElementsAre(Pair("hr@10", 0.0),
                                     Pair("ndcg@10", 0.0),
                                     Pair("hr@20", 1.0),
                                     Pair("ndcg@20", 0.25),
                                     Pair("mrr", DoubleNear(1.0 / 15, 1e-15)),
                                     Pair("mean_rank", 15.0)));
}

}  // namespace
}  // namespace vragent::metrics
