// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Encodes frames as an .mp4 file: H.264 through libx264, one thread and bit-exact flags, so that
// the same frames give the same bytes. For the mini world and the tests.
#pragma once

#include <filesystem>
#include <vector>

#include "vragent/media/image.h"

namespace vragent::media {

struct VideoWriterOptions {
  double frames_per_second = 5.0;
  int quality = 18;  ///< constant rate factor, 0 (lossless) .. 51
  int key_frame_interval = 12;
  int rotation_degrees =
      0;  ///< display rotation recorded in the file: 0, 90, 180, 270 (counter-clockwise)
};

/// Writes all frames (equal, even sizes); the file is complete or absent.
/// @throws Error (73, 74) when it cannot be written; std::logic_error on unequal or odd sizes
void write_video(const std::filesystem::path& path,
                 const std::vector<Image>& frames,
                 const VideoWriterOptions& options = {});

}  // namespace vragent::media
