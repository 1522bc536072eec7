// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Size and orientation of a JPEG, PNG or WebP file, read without decoding a pixel: this is where
// decompression bombs and cut files are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vragent::media {

/// What the header says; width and height are those of the stored picture, before any turn.
struct ImageHeader {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int exif_orientation = 1;  ///< 1..8; 1 when the file does not say
};

/// @param bytes the whole file. @param where its path, for messages
/// @throws DataError when it is none of the three formats, has no size, or ends before its end mark
ImageHeader parse_image_header(std::string_view bytes, const std::string& where);

}  // namespace vragent::media
