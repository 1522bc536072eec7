// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Still images as plain RGB bytes. The source is the only door to OpenCV (reading and writing
// files); resizing for models is done by models/pixels, which must match the reference bit for bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace vragent::media {

/// RGB, 8 bits a channel, rows top to bottom, pixels interleaved: rgb.size() == width * height * 3.
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> rgb;

  [[nodiscard]] bool empty() const { return rgb.empty(); }
};

/// Largest image that is decoded, in pixels; larger ones are refused from their header.
inline constexpr std::int64_t kMaxPixels = 178'956'970;

/// Reads a JPEG, PNG or WebP file upright (EXIF orientation applied); grey becomes RGB, what can be
/// seen through lies over white (as transformers 5 has it), 16 bit becomes 8 bit. A build without
/// OpenCV reads binary PPM alone. @throws DataError naming the path when it is no image, broken, or
/// larger than kMaxPixels
Image read_image(const std::filesystem::path& path);

/// Writes by suffix: .jpg (quality 1..100) or .png; complete or absent. @throws Error (73, 74)
void write_image(const std::filesystem::path& path, const Image& image, int jpeg_quality = 90);

/// The bytes of a JPEG file (for embedding in reports).
std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality = 85);

}  // namespace vragent::media
