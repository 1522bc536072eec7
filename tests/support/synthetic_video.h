// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Frames that carry their own number: a grid of 4 x 4 black and white cells, of which the corners
// say which way is up and the other twelve spell a number from 0 to 4095.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "vragent/media/image.h"

namespace vragent::test {

inline constexpr std::int64_t kGrid = 4;

/// What each cell, row by row, shows: a bit of the number, or a corner mark.
inline constexpr int kAlwaysWhite = -1;
inline constexpr int kAlwaysBlack = -2;
inline constexpr std::array<int, kGrid * kGrid> kCells{
    kAlwaysWhite, 0, 1, kAlwaysBlack, 2, 3, 4, 5, 6, 7, 8, 9, kAlwaysBlack, 10, 11, kAlwaysBlack};

inline bool is_white_cell(int cell, int number) {
  return cell == kAlwaysWhite || (cell >= 0 && (static_cast<unsigned>(number) >> cell & 1U) != 0);
}

/// A frame with `number` painted on it.
inline media::Image numbered_frame(int number, std::int64_t width = 96, std::int64_t height = 64) {
  media::Image image{width, height, {}};
  image.rgb.reserve(static_cast<std::size_t>(width * height * 3));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const bool white =
          is_white_cell(kCells[y * kGrid / height * kGrid + x * kGrid / width], number);
      image.rgb.insert(image.rgb.end(), 3, white ? 235 : 20);
    }
  }
  return image;
}

/// `count` frames with the numbers 0, 1, 2, ...
inline std::vector<media::Image> numbered_frames(int count,
                                                 std::int64_t width = 96,
                                                 std::int64_t height = 64) {
  std::vector<media::Image> frames;
  for (int i = 0; i < count; ++i) frames.push_back(numbered_frame(i, width, height));
  return frames;
}

/// The number on an upright frame of any size; -1 when a corner mark is wrong (the frame is turned
/// or mirrored) and -2 when a cell is neither dark nor bright.
inline int number_on(const media::Image& image) {
  int number = 0;
  for (std::int64_t i = 0; i < kGrid * kGrid; ++i) {
    const std::int64_t x = (2 * (i % kGrid) + 1) * image.width / (2 * kGrid);
    const std::int64_t y = (2 * (i / kGrid) + 1) * image.height / (2 * kGrid);
    const int value = image.rgb[static_cast<std::size_t>((y * image.width + x) * 3 + 1)];
    if (value > 80 && value < 175) return -2;
    const bool white = value >= 175;
    const int cell = kCells[static_cast<std::size_t>(i)];
    if (cell < 0 && white != (cell == kAlwaysWhite)) return -1;
    if (cell >= 0 && white) number |= 1 << cell;
  }
  return number;
}

}  // namespace vragent::test
