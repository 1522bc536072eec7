// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/image_header.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::media {
namespace {

using namespace std::string_literals;

std::string big_endian(std::uint32_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string little_endian(std::uint32_t value, int size) {
  const std::string bytes = big_endian(value, size);
  return {bytes.rbegin(), bytes.rend()};
}

std::string png_chunk(const std::string& type, const std::string& body) {
  return big_endian(static_cast<std::uint32_t>(body.size()), 4) + type + body + "crc?";
}

std::string png(std::uint32_t width, std::uint32_t height, const std::string& more = "") {
  return "\x89PNG\r\n\x1A\n" +
         png_chunk("IHDR", big_endian(width, 4) + big_endian(height, 4) + "\x08\x02\0\0\0"s) +
         more + png_chunk("IEND", "");
}

std::string jpeg_segment(char marker, const std::string& body) {
  return "\xFF"s + marker + big_endian(static_cast<std::uint32_t>(body.size() + 2), 2) + body;
}

/// @param before segments ahead of the frame header
std::string jpeg(std::uint32_t width, std::uint32_t height, const std::string& before = "") {
  const std::string frame = "\x08"s + big_endian(height, 2) + big_endian(width, 2) + "\x03"s;
  return "\xFF\xD8"s + before + jpeg_segment('\xC0', frame) + jpeg_segment('\xDA', "scan") +
         "data\xFF\xD9"s;
}

/// An EXIF block of one entry: the orientation.
std::string exif(bool is_little, std::uint32_t orientation) {
  const auto number = is_little ? little_endian : big_endian;
  return (is_little ? "II"s : "MM"s) + number(42, 2) + number(8, 4) + number(1, 2) +
         number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + number(0, 2);
}

std::string webp(const std::string& chunks) {
  return "RIFF" + little_endian(static_cast<std::uint32_t>(chunks.size() + 4), 4) + "WEBP" + chunks;
}

std::string webp_chunk(const std::string& type, const std::string& body) {
  const std::string padding = body.size() % 2 == 1 ? "\0"s : ""s;
  return type + little_endian(static_cast<std::uint32_t>(body.size()), 4) + body + padding;
}

std::string error_of(const std::string& bytes) {
  try {
    parse_image_header(bytes, "a.img");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ImageHeader, ReadsTheSizeOfAPng) {
  const ImageHeader header = parse_image_header(png(65500, 65499), "a.png");
  EXPECT_EQ(header.width, 65500);
  EXPECT_EQ(header.height, 65499);
  EXPECT_EQ(header.exif_orientation, 1);
}

TEST(ImageHeader, ReadsTheSizeOfAJpegBehindOtherSegments) {
  const std::string before = jpeg_segment('\xE0', "JFIF\0"s) + "\xFF\xFF"s;
  const ImageHeader header = parse_image_header(
      jpeg(640, 480, before + jpeg_segment('\xC4', "a table, no size")), "a.jpg");
  EXPECT_EQ(header.width, 640);
  EXPECT_EQ(header.height, 480);
}

TEST(ImageHeader, ReadsTheSizeOfTheThreeKindsOfWebp) {
  const std::string lossy = "\0\0\0\x9D\x01\x2A"s + little_endian(320, 2) + little_endian(200, 2);
  const ImageHeader a = parse_image_header(webp(webp_chunk("VP8 ", lossy)), "a.webp");
  EXPECT_EQ(a.width, 320);
  EXPECT_EQ(a.height, 200);
  const std::string lossless = "\x2F"s + little_endian(319U | 199U << 14U, 4);
  const ImageHeader b = parse_image_header(webp(webp_chunk("VP8L", lossless)), "b.webp");
  EXPECT_EQ(b.width, 320);
  EXPECT_EQ(b.height, 200);
  const std::string extended = "\x08\0\0\0"s + little_endian(319, 3) + little_endian(199, 3);
  const ImageHeader c = parse_image_header(
      webp(webp_chunk("VP8X", extended) + webp_chunk("EXIF", exif(true, 6))), "c.webp");
  EXPECT_EQ(c.width, 320);
  EXPECT_EQ(c.height, 200);
  EXPECT_EQ(c.exif_orientation, 6);
}

TEST(ImageHeader, TakesTheLargestSizeThatAWebpAnnounces) {
  const std::string canvas = "\0\0\0\0"s + little_endian(0, 3) + little_endian(0, 3);
  const std::string lossless = "\x2F"s + little_endian(16383U | 16383U << 14U, 4);
  const ImageHeader header =
      parse_image_header(webp(webp_chunk("VP8X", canvas) + webp_chunk("VP8L", lossless)), "a.webp");
  EXPECT_EQ(header.width, 16384) << "a small canvas does not hide a large picture";
}

TEST(ImageHeader, ReadsTheOrientationInBothByteOrders) {
  for (const bool is_little : {true, false}) {
    const std::string block = "Exif\0\0"s + exif(is_little, 8);
    EXPECT_EQ(parse_image_header(jpeg(2, 2, jpeg_segment('\xE1', block)), "a").exif_orientation, 8);
    const std::string chunk = png_chunk("eXIf", exif(is_little, 5));
    EXPECT_EQ(parse_image_header(png(2, 2, chunk), "a").exif_orientation, 5);
  }
}

TEST(ImageHeader, TakesSenselessExifForUpright) {
  const std::string whole = exif(true, 6);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string chunk = png_chunk("eXIf", whole.substr(0, size));
    EXPECT_EQ(parse_image_header(png(2, 2, chunk), "a").exif_orientation, 1) << size << " bytes";
  }
  const std::string far = png_chunk("eXIf", "II*\0\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(parse_image_header(png(2, 2, far), "a").exif_orientation, 1);
  EXPECT_EQ(parse_image_header(png(2, 2, png_chunk("eXIf", exif(true, 77))), "a").exif_orientation,
            1);
}

TEST(ImageHeader, RefusesEveryPrefixOfAFile) {
  const std::string extended = "\0\0\0\0"s + little_endian(9, 3) + little_endian(9, 3);
  for (const std::string& whole : {png(2, 2), jpeg(2, 2), webp(webp_chunk("VP8X", extended))}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(error_of(whole.substr(0, size)), "no error") << size << " of " << whole.size();
    }
  }
}

TEST(ImageHeader, NamesThePathAndTheFault) {
  EXPECT_EQ(error_of("GIF89a"), "a.img: not a JPEG, PNG or WebP image");
  EXPECT_EQ(error_of(""), "a.img: not a JPEG, PNG or WebP image");
  EXPECT_THAT(error_of(png(0, 2)), ::testing::HasSubstr("gives no size"));
  const std::string animated = "\x02\0\0\0"s + little_endian(9, 3) + little_endian(9, 3);
  EXPECT_THAT(error_of(webp(webp_chunk("VP8X", animated))), ::testing::HasSubstr("animated"));
}

}  // namespace
}  // namespace vragent::media
