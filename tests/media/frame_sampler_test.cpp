// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/media/frame_sampler.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vragent::media {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(UniformTimestamps, AreTheMiddlesOfEqualParts) {
  EXPECT_THAT(uniform_timestamps(8.0, 4), ElementsAre(1.0, 3.0, 5.0, 7.0));
  EXPECT_THAT(uniform_timestamps(3.0, 1), ElementsAre(1.5));
}

TEST(UniformTimestamps, OfAStillVideoAreAllZero) {
  EXPECT_THAT(uniform_timestamps(0.0, 3), ElementsAre(0.0, 0.0, 0.0));
}

TEST(UniformTimestamps, OfNoFramesAreNone) {
  EXPECT_TRUE(uniform_timestamps(8.0, 0).empty());
}

TEST(UniformTimestamps, RefuseSenselessRequests) {
  EXPECT_THROW(uniform_timestamps(8.0, -1), std::logic_error);
  EXPECT_THROW(uniform_timestamps(-0.1, 4), std::logic_error);
  EXPECT_THROW(uniform_timestamps(std::nan(""), 4), std::logic_error);
  EXPECT_THROW(uniform_timestamps(std::numeric_limits<double>::infinity(), 4), std::logic_error);
}

TEST(AdjacentTimestamps, LieInTheMiddleOfNeighbouringFrames) {
  EXPECT_THAT(adjacent_timestamps(
                  {.duration_seconds = 10, .count = 3, .step_seconds = 0.5, .position = 0.0}),
              ElementsAre(0.25, 0.75, 1.25));
}

TEST(AdjacentTimestamps, ReachTheEndAtPositionOne) {
  EXPECT_THAT(adjacent_timestamps(
                  {.duration_seconds = 10, .count = 2, .step_seconds = 0.5, .position = 1.0}),
              ElementsAre(DoubleNear(9.25, 1e-12), DoubleNear(9.75, 1e-12)));
}

TEST(AdjacentTimestamps, FillTheVideoThatIsAsLongAsTheRun) {
  EXPECT_THAT(adjacent_timestamps(
                  {.duration_seconds = 2, .count = 2, .step_seconds = 1.0, .position = 0.7}),
              ElementsAre(0.5, 1.5));
}

TEST(AdjacentTimestamps, AreUniformInAVideoShorterThanTheRun) {
  EXPECT_THAT(adjacent_timestamps(
                  {.duration_seconds = 1, .count = 4, .step_seconds = 1.0, .position = 0.7}),
              ElementsAre(0.125, 0.375, 0.625, 0.875));
}

TEST(AdjacentTimestamps, RefuseSenselessRequests) {
  EXPECT_THROW(adjacent_timestamps({.duration_seconds = 1, .count = 2}), std::logic_error);
  EXPECT_THROW(adjacent_timestamps(
                   {.duration_seconds = 1, .count = 2, .step_seconds = 0.1, .position = 1.1}),
               std::logic_error);
  EXPECT_THROW(adjacent_timestamps({.duration_seconds = -1, .count = 2, .step_seconds = 0.1}),
               std::logic_error);
}

}  // namespace
}  // namespace vragent::media
