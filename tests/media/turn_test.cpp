// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/turn.h"

#include <vector>

#include <gtest/gtest.h>

namespace vragent::media {
namespace {

/// Two columns, three rows, each pixel with its own grey value:
///   1 2
///   3 4
///   5 6
Image small_image() {
  Image image{2, 3, {}};
  for (std::uint8_t value = 1; value <= 6; ++value) {
    image.rgb.insert(image.rgb.end(), 3, value);
  }
  return image;
}

/// The green values, row by row.
std::vector<int> values(const Image& image) {
  std::vector<int> result;
  for (std::size_t i = 1; i < image.rgb.size(); i += 3) result.push_back(image.rgb[i]);
  return result;
}

struct ExifCase {
  int orientation;
  int degrees;  // counter-clockwise
  std::vector<int> upright;
};

class ExifOrientation : public ::testing::TestWithParam<ExifCase> {};

TEST_P(ExifOrientation, LaysThePictureUpright) {
  const Turn turn = turn_from_exif(GetParam().orientation);
  const Image upright = turned(small_image(), turn);
  EXPECT_EQ(values(upright), GetParam().upright);
  EXPECT_EQ(upright.width, turn.transpose ? 3 : 2);
  EXPECT_EQ(upright.height, turn.transpose ? 2 : 3);
  EXPECT_EQ(rotation_degrees(turn), GetParam().degrees);
}

INSTANTIATE_TEST_SUITE_P(AllEight,
                         ExifOrientation,
                         ::testing::Values(ExifCase{1, 0, {1, 2, 3, 4, 5, 6}},
                                           ExifCase{2, 0, {2, 1, 4, 3, 6, 5}},
                                           ExifCase{3, 180, {6, 5, 4, 3, 2, 1}},
                                           ExifCase{4, 180, {5, 6, 3, 4, 1, 2}},
                                           ExifCase{5, 90, {1, 3, 5, 2, 4, 6}},
                                           ExifCase{6, 270, {5, 3, 1, 6, 4, 2}},
                                           ExifCase{7, 270, {6, 4, 2, 5, 3, 1}},
                                           ExifCase{8, 90, {2, 4, 6, 1, 3, 5}}));

TEST(Turn, LeavesThePictureAloneForASenselessExifValue) {
  EXPECT_EQ(turn_from_exif(0), Turn{});
  EXPECT_EQ(turn_from_exif(9), Turn{});
  EXPECT_EQ(turn_from_exif(-1), Turn{});
}

TEST(Turn, ReadsTheQuarterTurnsOfADisplayMatrix) {
  EXPECT_EQ(turn_from_matrix(1, 0, 0, 1), turn_from_exif(1));
  EXPECT_EQ(turn_from_matrix(-1, 0, 0, -1), turn_from_exif(3));
  EXPECT_EQ(turn_from_matrix(0, 1, -1, 0), turn_from_exif(6)) << "x' = -y, y' = x is clockwise";
  EXPECT_EQ(turn_from_matrix(0, -1, 1, 0), turn_from_exif(8));
  EXPECT_EQ(turn_from_matrix(-1, 0, 0, 1), turn_from_exif(2)) << "mirrored";
}

TEST(Turn, RoundsASlantedMatrixToTheNearestQuarter) {
  EXPECT_EQ(turn_from_matrix(0.98, 0.17, -0.17, 0.98), turn_from_exif(1)) << "10 degrees";
  EXPECT_EQ(turn_from_matrix(0.17, 0.98, -0.98, 0.17), turn_from_exif(6)) << "80 degrees";
  EXPECT_EQ(turn_from_matrix(0, 0, 0, 0), turn_from_exif(1)) << "an empty matrix says nothing";
}

}  // namespace
}  // namespace vragent::media
