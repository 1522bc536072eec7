// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A decoded frame to an upright RGB image: size, pixel shape, colour matrix and range, bit depth,
// rotation. The arithmetic is the same on every CPU.
#pragma once

#include <cstdint>

#include "media/ffmpeg.h"
#include "media/turn.h"
#include "vragent/media/image.h"
#include "vragent/media/video_reader.h"

namespace vragent::media {

struct Size {
  std::int64_t width = 0;
  std::int64_t height = 0;

  bool operator==(const Size&) const = default;
};

/// How a stream's frames lie on the screen.
struct Display {
  double pixel_aspect = 1.0;  ///< width of a pixel over its height
  Turn turn;

  /// Size of a stored frame once upright and with square pixels; the height is kept, the width
  /// stretched.
  [[nodiscard]] Size upright(Size stored) const;
};

/// `size` scaled down, in proportion, to keep the limits; each side rounded down, at least 1.
Size limited(Size size, const FrameSize& limit);

/// The upright image. @throws DataError when swscale does not know the pixel format
Image to_image(const AVFrame& frame, const Display& display, const FrameSize& limit);

}  // namespace vragent::media
