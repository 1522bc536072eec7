// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vragent::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Confusion kCounts{
    .true_positive = 30, .false_positive = 10, .true_negative = 45, .false_negative = 15};

TEST(Confusion, SortsEachRowIntoItsCell) {
  Confusion counts;
  counts.add(true, true);
  counts.add(true, false);
  counts.add(true, false);
  counts.add(false, false);
  counts.add(false, true);
  counts.add_unread(true);
  counts.add_unread(false);
  EXPECT_EQ(counts.true_positive, 1);
  EXPECT_EQ(counts.false_positive, 2);
  EXPECT_EQ(counts.true_negative, 1);
  EXPECT_EQ(counts.false_negative, 1);
  EXPECT_EQ(counts.num_unread(), 2);
  EXPECT_EQ(counts.num_rows(), 7);
  EXPECT_EQ(counts.num_correct(), 2);
}

TEST(Confusion, AddsUpOverParts) {
  Confusion sum = kCounts;
  sum += Confusion{.true_positive = 1, .unread_positive = 2, .unread_negative = 3};
  EXPECT_EQ(sum.num_rows(), 106);
  EXPECT_EQ(sum.true_positive, 31);
}

// Expected values by hand and, for mcc and balanced accuracy, from scikit-learn 1.x.
TEST(ClassificationMetrics, FollowTheirDefinitions) {
  const ClassificationMetrics metrics = classification_metrics(kCounts);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0.75);
  EXPECT_DOUBLE_EQ(metrics.precision, 0.75);
  EXPECT_DOUBLE_EQ(metrics.recall, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics.f1, 12.0 / 17.0);
  EXPECT_NEAR(metrics.balanced_accuracy, 0.7424242424242424, 1e-15);
  EXPECT_NEAR(metrics.mcc, 0.4923659639173309, 1e-15);
  EXPECT_DOUBLE_EQ(metrics.yes_rate, 0.4);
  EXPECT_EQ(metrics.unread_rate, 0.0);
  EXPECT_THAT(metrics.undefined, IsEmpty());
}

TEST(ClassificationMetrics, CountUnreadAnswersAsWrongButNotAsYes) {
  Confusion counts = kCounts;
  counts.unread_positive = 15;
  counts.unread_negative = 35;
  const ClassificationMetrics metrics = classification_metrics(counts);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(metrics.precision, 0.75);
  EXPECT_DOUBLE_EQ(metrics.recall, 0.5);
  EXPECT_DOUBLE_EQ(metrics.yes_rate, 40.0 / 150.0);
  EXPECT_DOUBLE_EQ(metrics.unread_rate, 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics.balanced_accuracy, 0.5);
  EXPECT_DOUBLE_EQ(metrics.mcc, 0.0);
}

TEST(ClassificationMetrics, AreZeroAndFlaggedWithoutRows) {
  const ClassificationMetrics metrics = classification_metrics({});
  EXPECT_EQ(metrics.accuracy, 0.0);
  EXPECT_THAT(metrics.undefined,
              ElementsAre("accuracy",
                          "precision",
                          "recall",
                          "f1",
                          "balanced_accuracy",
                          "mcc",
                          "yes_rate",
                          "unread_rate"));
}

TEST(ClassificationMetrics, FlagPrecisionWhenNobodySaysYes) {
  const ClassificationMetrics metrics =
      classification_metrics({.true_negative = 5, .false_negative = 5});
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0.5);
  EXPECT_EQ(metrics.precision, 0.0);
  EXPECT_EQ(metrics.f1, 0.0);
  EXPECT_THAT(metrics.undefined, ElementsAre("precision", "f1", "mcc"));
}

TEST(ClassificationMetrics, GiveAlwaysYesTheF1OfItsBaseRate) {
  const ClassificationMetrics metrics =
      classification_metrics({.true_positive = 500, .false_positive = 500});
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(metrics.f1, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics.yes_rate, 1.0);
}

TEST(ClassificationMetrics, DoNotOverflowOnLargeCounts) {
  constexpr std::int64_t kMany = 4'000'000'000;
  const ClassificationMetrics metrics =
      classification_metrics({.true_positive = kMany, .true_negative = kMany});
  EXPECT_DOUBLE_EQ(metrics.mcc, 1.0);
}

TEST(MacroMetrics, AverageOverUsersNotRows) {
  const std::vector<Confusion> users = {{.true_positive = 1, .true_negative = 1},
                                        {.false_positive = 10, .false_negative = 10}};
  const ClassificationMetrics metrics = macro_metrics(users);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(metrics.precision, 0.5);
  EXPECT_DOUBLE_EQ(metrics.f1, 0.5);
  EXPECT_THAT(metrics.undefined, ElementsAre("f1"));
}

TEST(MacroMetrics, AreFlaggedWithoutUsers) {
  EXPECT_EQ(macro_metrics({}).undefined.size(), 8U);
}

TEST(ChanceCreditedAccuracy, GivesAnUnreadAnswerTheWorthOfAGuess) {
  EXPECT_DOUBLE_EQ(chance_credited_accuracy(60, 20, 100, 0.25), 0.65);
  EXPECT_EQ(chance_credited_accuracy(0, 0, 0, 0.5), 0.0);
}

}  // namespace
}  // namespace vragent::metrics
