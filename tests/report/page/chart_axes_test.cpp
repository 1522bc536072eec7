// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/page/chart_axes.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vragent::report {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

Range range_of(double low, double high) {
  Range range;
  range.add(low);
  range.add(high);
  return range;
}

TEST(MakeAxis, WidensToRoundTicks) {
  const Axis axis = make_axis(range_of(0.013, 0.127), AxisEnds::kAtTicks, 5, false);
  EXPECT_THAT(
      axis.ticks,
      Pointwise(DoubleNear(1e-12), std::vector<double>{0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15}));
  EXPECT_THAT(axis.labels, ElementsAre("0", "0.025", "0.050", "0.075", "0.100", "0.125", "0.150"));
  EXPECT_NEAR(axis.high, 0.15, 1e-12);
}

TEST(MakeAxis, EndsAtTheDataWhenAsked) {
  const Axis axis = make_axis(range_of(1, 12), AxisEnds::kAtData, 6, true);
  EXPECT_EQ(axis.low, 1);
  EXPECT_EQ(axis.high, 12);
  EXPECT_THAT(axis.labels, ElementsAre("2", "4", "6", "8", "10", "12"));
}

TEST(MakeAxis, UsesWholeTicksOnlyForEpochs) {
  EXPECT_THAT(make_axis(range_of(1, 3), AxisEnds::kAtData, 6, true).labels,
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(make_axis(range_of(1, 14), AxisEnds::kAtData, 6, true).labels,
              ElementsAre("5", "10"));
}

TEST(MakeAxis, ShortensLargeNumbers) {
  EXPECT_THAT(make_axis(range_of(0, 40'000), AxisEnds::kAtTicks, 4, false).labels,
              ElementsAre("0", "10k", "20k", "30k", "40k"));
  EXPECT_THAT(make_axis(range_of(0, 3e6), AxisEnds::kAtTicks, 6, false).labels,
              ElementsAre("0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M", "3.0M"));
}

TEST(MakeAxis, WritesTinyNumbersWithAnExponent) {
  EXPECT_THAT(make_axis(range_of(0, 2e-5), AxisEnds::kAtTicks, 2, false).labels,
              ElementsAre("0", "1e-05", "2e-05"));
}

TEST(MakeAxis, PutsEqualValuesInTheMiddle) {
  for (const double value : {0.0, 7.0, -3.0, 1e-30, 1e90}) {
    const Axis axis = make_axis(range_of(value, value), AxisEnds::kAtTicks, 5, false);
    EXPECT_LT(axis.low, value);
    EXPECT_GT(axis.high, value);
    EXPECT_GE(axis.ticks.size(), 2U);
    EXPECT_LE(axis.ticks.size(), 12U);
  }
}

TEST(MakeAxis, StaysSmallForAnyRange) {
  for (const double low : {-1e100, -5.5, 0.0, 1e-9, 123456.789}) {
    for (const double span : {1e-20, 1e-6, 0.3, 17.0, 1e12, 1e99}) {
      for (const bool only_whole : {false, true}) {
        const Axis axis = make_axis(range_of(low, low + span), AxisEnds::kAtTicks, 5, only_whole);
        EXPECT_LE(axis.ticks.size(), 12U) << low << " " << span;
        EXPECT_LT(axis.low, axis.high);
        EXPECT_LE(axis.low, low + 1e-8 * span);
        EXPECT_GE(axis.high, low + span - 1e-8 * span);
      }
    }
  }
}

TEST(Range, LeavesOutWhatCannotBeDrawn) {
  Range range;
  range.add(std::nan(""));
  range.add(std::numeric_limits<double>::infinity());
  range.add(1e300);
  EXPECT_TRUE(range.empty());
  EXPECT_EQ(range.high(), 1);
  range.add(-2);
  EXPECT_EQ(range.low(), -2);
  EXPECT_EQ(range.high(), -2);
}

TEST(CutToWidth, KeepsShortTextAndCutsLongTextAtACharacter) {
  EXPECT_EQ(cut_to_width("short", 200, 12), "short");
  const std::string cut = cut_to_width("\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97", 36, 12);
  EXPECT_EQ(cut, "\xE6\xBC\xA2\xE5\xAD\x97\xE2\x80\xA6");
  EXPECT_LE(text_width(cut_to_width(std::string(500, 'm'), 100, 12), 12), 100);
}

TEST(Coordinate, HasOneDecimalAtMostAndNoMinusZero) {
  EXPECT_EQ(coordinate(3.0), "3");
  EXPECT_EQ(coordinate(3.14159), "3.1");
  EXPECT_EQ(coordinate(-0.01), "0");
  EXPECT_EQ(coordinate(-2.54), "-2.5");
}

}  // namespace
}  // namespace vragent::report
