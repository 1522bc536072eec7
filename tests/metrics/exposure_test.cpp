// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/exposure.h"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace vragent::metrics {
namespace {

using Counts = std::vector<std::int64_t>;

TEST(Coverage, IsTheShareOfItemsThatAreShown) {
  EXPECT_DOUBLE_EQ(coverage(Counts{0, 3, 0, 1}), 0.5);
  EXPECT_DOUBLE_EQ(coverage(Counts{7, 1}), 1.0);
  EXPECT_EQ(coverage(Counts{0, 0}), 0.0);
  EXPECT_EQ(coverage(Counts{}), 0.0);
}

TEST(Gini, IsHalfTheRelativeMeanDifferenceOfAllPairs) {
  const Counts times = {4, 0, 1, 9, 0, 2};
  double differences = 0;
  double sum = 0;
  for (const std::int64_t a : times) {
    sum += static_cast<double>(a);
    for (const std::int64_t b : times) differences += static_cast<double>(a > b ? a - b : b - a);
  }
  EXPECT_NEAR(gini(times), differences / (2 * static_cast<double>(times.size()) * sum), 1e-12);
}

TEST(Gini, RunsFromEqualSharesToOneItem) {
  EXPECT_DOUBLE_EQ(gini(Counts{3, 3, 3}), 0.0);
  EXPECT_DOUBLE_EQ(gini(Counts{0, 12, 0, 0}), 0.75);
  EXPECT_EQ(gini(Counts{0, 0}), 0.0);
  EXPECT_EQ(gini(Counts{}), 0.0);
}

TEST(MeanPopularity, CountsAnItemAsOftenAsItIsShown) {
  EXPECT_DOUBLE_EQ(mean_popularity(Counts{3, 0, 1}, Counts{10, 100, 2}), 8.0);
  EXPECT_EQ(mean_popularity(Counts{0, 0}, Counts{5, 6}), 0.0);
  EXPECT_THROW((void)mean_popularity(Counts{1}, Counts{1, 2}), std::logic_error);
}

}  // namespace
}  // namespace vragent::metrics
