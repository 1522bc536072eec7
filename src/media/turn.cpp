// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/turn.h"

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace vragent::media {

Turn turn_from_exif(int orientation) {
  static constexpr std::array<Turn, 8> kTurns{{{false, false, false},
                                               {false, true, false},
                                               {false, true, true},
                                               {false, false, true},
                                               {true, false, false},
                                               {true, true, false},
                                               {true, true, true},
                                               {true, false, true}}};
  return orientation >= 1 && orientation <= 8 ? kTurns[orientation - 1] : kTurns[0];
}

Turn turn_from_matrix(double a, double b, double c, double d) {
  if (std::abs(a) + std::abs(d) >= std::abs(b) + std::abs(c)) return {false, a < 0, d < 0};
  return {true, c < 0, b < 0};
}

int rotation_degrees(const Turn& turn) {
  if (turn.transpose) return turn.flip_x ? 270 : 90;
  return turn.flip_y ? 180 : 0;
}

Image turned(Image image, const Turn& turn) {
  if (turn == Turn{}) return image;
  Image upright{image.width, image.height, std::vector<std::uint8_t>(image.rgb.size())};
  if (turn.transpose) std::swap(upright.width, upright.height);
  // The steps, in bytes, that one column and one row of the upright picture make in the stored one.
  std::int64_t column = turn.transpose ? image.width * 3 : 3;
  std::int64_t row = turn.transpose ? 3 : image.width * 3;
  std::int64_t start = 0;
  if (turn.flip_x) start += (upright.width - 1) * std::exchange(column, -column);
  if (turn.flip_y) start += (upright.height - 1) * std::exchange(row, -row);
  std::uint8_t* out = upright.rgb.data();
  for (std::int64_t y = 0; y < upright.height; ++y) {
    const std::uint8_t* in = image.rgb.data() + start + y * row;
    for (std::int64_t x = 0; x < upright.width; ++x, out += 3) std::memcpy(out, in + x * column, 3);
  }
  return upright;
}

}  // namespace vragent::media
