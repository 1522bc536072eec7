// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/rank_counts.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "vragent/util/random.h"

namespace vragent::metrics {
namespace {

template <class T>
void expect_counts_of(std::size_t size, std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<T> scores;
  for (std::size_t i = 0; i < size; ++i)
    scores.push_back(static_cast<T>(random.below(20)) / 8 - 1);  // many ties
  for (const T wanted : {T(-1), T(0), T(0.125), T(5)}) {
    const RankCounts counts = count_against(std::span<const T>(scores), wanted);
    EXPECT_EQ(counts.greater,
              std::count_if(scores.begin(), scores.end(), [&](T x) { return x > wanted; }));
    EXPECT_EQ(counts.equal, std::count(scores.begin(), scores.end(), wanted));
    EXPECT_EQ(counts.not_numbers, 0);
  }
}

TEST(RankCounts, CountsRowsOfAnyLength) {
  for (const std::size_t size : {0, 1, 7, 16, 63, 64, 1000, 19099}) {
    expect_counts_of<float>(size, size);
    expect_counts_of<double>(size, size);
  }
}

TEST(RankCounts, KeepsInfinitiesAndWhatIsNoNumberApart) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> scores(40, 1.0F);
  scores[3] = nan;
  scores[38] = nan;
  scores[5] = infinity;
  scores[6] = -infinity;
  const RankCounts counts = count_against(std::span<const float>(scores), 1.0F);
  EXPECT_EQ(counts.greater, 1);
  EXPECT_EQ(counts.equal, 36);
  EXPECT_EQ(counts.not_numbers, 2);
  EXPECT_EQ(count_against(std::span<const float>(scores), nan).greater, 0);
}

}  // namespace
}  // namespace vragent::metrics
