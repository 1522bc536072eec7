// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/image_header.h"

#include <algorithm>

#include "vragent/util/error.h"

namespace vragent::media {
namespace {

enum class ByteOrder { kLittle, kBig };

/// The unsigned integer of `size` bytes at `offset`; 0 where the text ends before it.
std::uint32_t number_at(std::string_view bytes, std::size_t offset, int size, ByteOrder order) {
  if (offset > bytes.size() || bytes.size() - offset < static_cast<std::size_t>(size)) return 0;
  std::uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    const int place = order == ByteOrder::kBig ? i : size - 1 - i;
    value = value << 8U | static_cast<std::uint8_t>(bytes[offset + place]);
  }
  return value;
}

std::uint32_t big(std::string_view bytes, std::size_t offset, int size) {
  return number_at(bytes, offset, size, ByteOrder::kBig);
}

std::uint32_t little(std::string_view bytes, std::size_t offset, int size) {
  return number_at(bytes, offset, size, ByteOrder::kLittle);
}

/// Tag 0x0112 of the first directory of a TIFF structure; 1 when it is missing or senseless.
int orientation_of_exif(std::string_view exif) {
  constexpr std::uint32_t kOrientationTag = 0x0112;
  if (exif.starts_with(std::string_view("Exif\0\0", 6))) exif.remove_prefix(6);
  if (!exif.starts_with("II") && !exif.starts_with("MM")) return 1;
  const ByteOrder order = exif[0] == 'I' ? ByteOrder::kLittle : ByteOrder::kBig;
  const std::size_t directory = number_at(exif, 4, 4, order);
  const std::uint32_t num_entries = number_at(exif, directory, 2, order);
  for (std::uint32_t i = 0; i < num_entries; ++i) {
    const std::size_t entry = directory + 2 + i * 12U;
    if (entry + 12 > exif.size()) return 1;
    if (number_at(exif, entry, 2, order) != kOrientationTag) continue;
    const std::uint32_t value = number_at(exif, entry + 8, 2, order);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

[[noreturn]] void fail_truncated(const std::string& where) {
  throw DataError(where + ": truncated image: it ends before its end mark");
}

bool is_frame_header(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

ImageHeader parse_jpeg(std::string_view bytes, const std::string& where) {
  constexpr int kStartOfScan = 0xDA;
  constexpr int kApp1 = 0xE1;
  ImageHeader header;
  std::size_t offset = 2;
  while (true) {
    while (offset + 1 < bytes.size() && bytes[offset] != '\xFF') ++offset;  // as libjpeg: skip junk
    while (offset + 1 < bytes.size() && bytes[offset + 1] == '\xFF') ++offset;  // fill bytes
    if (offset + 4 > bytes.size()) fail_truncated(where);
    const int marker = static_cast<std::uint8_t>(bytes[offset + 1]);
    const bool is_bare = marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    const std::size_t length = is_bare ? 0 : std::max<std::size_t>(2, big(bytes, offset + 2, 2));
    const std::string_view body = bytes.substr(std::min(offset + 4, bytes.size()), length);
    if (marker == kStartOfScan) break;
    if (is_frame_header(marker)) {
      header.height = big(body, 1, 2);
      header.width = big(body, 3, 2);
    }
    if (marker == kApp1 && body.starts_with("Exif")) {
      header.exif_orientation = orientation_of_exif(body);
    }
    offset += 2 + length;
  }
  if (bytes.find("\xFF\xD9", offset) == std::string_view::npos) fail_truncated(where);
  return header;
}

ImageHeader parse_png(std::string_view bytes, const std::string& where) {
  ImageHeader header;
  std::size_t offset = 8;
  while (true) {
    if (bytes.size() - offset < 12) fail_truncated(where);
    const std::size_t length = big(bytes, offset, 4);
    if (bytes.size() - offset - 12 < length) fail_truncated(where);
    const std::string_view type = bytes.substr(offset + 4, 4);
    const std::string_view body = bytes.substr(offset + 8, length);
    if (type == "IEND") return header;
    if (type == "IHDR") {
      header.width = big(body, 0, 4);
      header.height = big(body, 4, 4);
    }
    if (type == "eXIf") header.exif_orientation = orientation_of_exif(body);
    offset += 12 + length;
  }
}

/// Width and height of the picture that one WebP chunk holds or announces; zeros for other chunks.
ImageHeader size_of_webp_chunk(std::string_view type, std::string_view body) {
  if (type == "VP8X") return {little(body, 4, 3) + 1, little(body, 7, 3) + 1};
  if (type == "VP8 ") return {little(body, 6, 2) & 0x3FFFU, little(body, 8, 2) & 0x3FFFU};
  if (type != "VP8L") return {};
  const std::uint32_t bits = little(body, 1, 4);
  return {(bits & 0x3FFFU) + 1, (bits >> 14U & 0x3FFFU) + 1};
}

ImageHeader parse_webp(std::string_view bytes, const std::string& where) {
  constexpr std::uint32_t kAnimationFlag = 2;
  if (little(bytes, 4, 4) > bytes.size() - 8) fail_truncated(where);
  ImageHeader header;
  std::size_t offset = 12;
  while (bytes.size() - offset >= 8) {
    const std::string_view type = bytes.substr(offset, 4);
    const std::size_t length = little(bytes, offset + 4, 4);
    if (bytes.size() - offset - 8 < length) fail_truncated(where);
    const std::string_view body = bytes.substr(offset + 8, length);
    if (type == "VP8X" && (little(body, 0, 1) & kAnimationFlag) != 0) {
      throw DataError(where + ": animated WebP is not supported; save its first frame");
    }
    const ImageHeader size = size_of_webp_chunk(type, body);
    header.width = std::max(header.width, size.width);
    header.height = std::max(header.height, size.height);
    if (type == "EXIF") header.exif_orientation = orientation_of_exif(body);
    offset += std::min(8 + length + length % 2, bytes.size() - offset);
  }
  return header;
}

}  // namespace

ImageHeader parse_image_header(std::string_view bytes, const std::string& where) {
  ImageHeader header;
  if (bytes.starts_with("\xFF\xD8\xFF")) {
    header = parse_jpeg(bytes, where);
  } else if (bytes.starts_with("\x89PNG\r\n\x1A\n")) {
    header = parse_png(bytes, where);
  } else if (bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") {
    header = parse_webp(bytes, where);
  } else {
    throw DataError(where + ": not a JPEG, PNG or WebP image");
  }
  if (header.width == 0 || header.height == 0) {
    throw DataError(where + ": broken image: its header gives no size");
  }
  return header;
}

}  // namespace vragent::media
