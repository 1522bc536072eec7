// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/user_groups.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::metrics {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> labels_of(const UserGroups& groups) {
  std::vector<std::string> labels;
  for (const std::size_t group : groups.group_of_user) labels.push_back(groups.labels.at(group));
  return labels;
}

TEST(GroupsByLength, PutsEveryLengthBetweenTheBoundsOfItsLabel) {
  const std::vector<std::int64_t> lengths = {1, 4, 5, 6, 7, 9, 10, 19, 20, 49, 50, 99, 100, 7000};
  EXPECT_THAT(labels_of(groups_by_length(lengths)),
              ElementsAre("1-4",
                          "1-4",
                          "5-6",
                          "5-6",
                          "7-9",
                          "7-9",
                          "10-19",
                          "10-19",
                          "20-49",
                          "20-49",
                          "50-99",
                          "50-99",
                          "100+",
                          "100+"));
}

TEST(GroupsByLength, RefusesAnEmptyHistory) {
  const std::vector<std::int64_t> lengths = {5, 0};
  EXPECT_THROW(groups_by_length(lengths), std::logic_error);
}

TEST(GroupsByPopularity, CutsAtAFifthAndFourFifthsOfTheInteractions) {
  // 100 interactions: before the 8s lie 20, before the 4 lie 76, before the 3s lie 80.
  const std::vector<std::int64_t> popularity = {
      0, 2, 3, 3, 3, 3, 3, 3, 4, 8, 8, 8, 8, 8, 8, 8, 9, 11, 0};
  const std::vector<std::int32_t> targets = {17, 16, 9, 15, 8, 2, 1, 18, 17};
  EXPECT_THAT(labels_of(groups_by_popularity(targets, popularity)),
              ElementsAre("head", "head", "mid", "mid", "mid", "tail", "tail", "unseen", "head"));
}

TEST(GroupsByPopularity, KeepsEquallyPopularItemsTogether) {
  const std::vector<std::int64_t> popularity = {0, 3, 3, 2, 1, 1};
  EXPECT_THAT(labels_of(groups_by_popularity(std::vector<std::int32_t>{1, 2, 3, 4, 5}, popularity)),
              ElementsAre("head", "head", "mid", "tail", "tail"));
}

TEST(GroupsByPopularity, KnowsOnlyUnseenItemsWhereNothingWasWatched) {
  const std::vector<std::int64_t> popularity = {0, 0};
  EXPECT_THAT(labels_of(groups_by_popularity(std::vector<std::int32_t>{1}, popularity)),
              ElementsAre("unseen"));
}

TEST(MetricsOfGroups, AveragesWithinEachGroupThatHasUsers) {
  const UserGroups groups{.labels = {"a", "b", "c"}, .group_of_user = {2, 0, 2, 0, 2}};
  const auto got = metrics_of_groups(groups, std::vector<std::int64_t>{1, 9, 2, 3, 4}, {2, 5});
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].label, "a");
  EXPECT_EQ(got[0].metrics.num_users, 2);
  EXPECT_DOUBLE_EQ(got[0].metrics.cutoffs.at(0).hit_rate, 0.0);
  EXPECT_DOUBLE_EQ(got[0].metrics.cutoffs.at(1).hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(got[0].metrics.mean_rank, 6.0);
  EXPECT_EQ(got[1].label, "c");
  EXPECT_EQ(got[1].metrics.num_users, 3);
  EXPECT_DOUBLE_EQ(got[1].metrics.cutoffs.at(0).hit_rate, 2.0 / 3);
  EXPECT_DOUBLE_EQ(got[1].metrics.mrr, (1.0 + 0.5 + 0.25) / 3);
}

TEST(MetricsOfGroups, RefusesRanksOfOtherUsersAndWrongCutOffs) {
  const UserGroups groups{.labels = {"a"}, .group_of_user = {0, 0}};
  EXPECT_THROW(metrics_of_groups(groups, std::vector<std::int64_t>{1}, {10}), std::logic_error);
  EXPECT_THROW(metrics_of_groups(groups, std::vector<std::int64_t>{1, 1}, {0}), ConfigError);
}

}  // namespace
}  // namespace vragent::metrics
