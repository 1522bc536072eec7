// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The eight ways a stored picture may have to be laid upright, as EXIF orientations and display
// matrices name them, and the one function that does it.
#pragma once

#include "vragent/media/image.h"

namespace vragent::media {

/// First transpose (swap x and y), then mirror along x, then along y.
struct Turn {
  bool transpose = false;
  bool flip_x = false;
  bool flip_y = false;

  bool operator==(const Turn&) const = default;
};

/// The turn that an EXIF orientation asks for; anything outside 1..8 is taken for 1 (upright).
Turn turn_from_exif(int orientation);

/// The turn nearest to a display matrix x' = a x + c y, y' = b x + d y (y points down).
Turn turn_from_matrix(double a, double b, double c, double d);

/// Counter-clockwise rotation in degrees (0, 90, 180, 270); for a mirrored turn the one that is
/// left once the picture has been mirrored along x.
int rotation_degrees(const Turn& turn);

/// The picture laid upright.
Image turned(Image image, const Turn& turn);

}  // namespace vragent::media
