// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/media/image.h"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "support/synthetic_video.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::media {
namespace {

namespace fs = std::filesystem;

using test::shared_data;
using test::TempDir;
using ::testing::HasSubstr;

/// A picture whose quarters are red and green above, blue and white below.
Image four_colours() {
  Image image{32, 32, {}};
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      const bool left = x < 16;
      const bool top = y < 16;
      for (const bool bright : {top == left, !left, !top}) {
        image.rgb.push_back(bright ? 255 : 0);
      }
    }
  }
  return image;
}

double mean_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

/// A pixel as PIL gives it, but for what one and the other round.
void expect_pixel(const Image& image, std::size_t index, const std::vector<int>& colour) {
  ASSERT_LT(3 * index + 2, image.rgb.size());
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(image.rgb[3 * index + c], colour[c], 2) << c;
}

std::string error_of(const fs::path& path) {
  try {
    read_image(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Image, PngRoundTripKeepsEveryByte) {
  const TempDir folder;
  const Image image = four_colours();
  write_image(folder / "a.png", image);
  const Image back = read_image(folder / "a.png");
  EXPECT_EQ(back.width, image.width);
  EXPECT_EQ(back.height, image.height);
  EXPECT_EQ(back.rgb, image.rgb);
}

TEST(Image, JpegRoundTripKeepsTheColoursInOrder) {
  const TempDir folder;
  write_image(folder / "a.JPG", four_colours(), 95);
  EXPECT_LT(mean_difference(read_image(folder / "a.JPG"), four_colours()), 6);
}

TEST(Image, LowerQualityMakesSmallerJpegs) {
  EXPECT_LT(encode_jpeg(four_colours(), 20).size(), encode_jpeg(four_colours(), 95).size());
}

TEST(Image, EncodedJpegIsTheFileThatIsWritten) {
  const TempDir folder;
  write_image(folder / "a.jpg", four_colours(), 77);
  const std::vector<std::uint8_t> bytes = encode_jpeg(four_colours(), 77);
  EXPECT_EQ(read_file(folder / "a.jpg"), std::string(bytes.begin(), bytes.end()));
}

TEST(Image, WritesUnderOddNames) {
  const TempDir folder;
  for (const std::string name : {"-x.png", "two words\nline.png", "file:a.png", "caf\xE9.png"}) {
    write_image(folder / name, four_colours());
    EXPECT_EQ(read_image(folder / name).rgb, four_colours().rgb) << name;
  }
}

TEST(Image, RefusesToWriteOtherFormatsAndBrokenImages) {
  const TempDir folder;
  EXPECT_THROW(write_image(folder / "a.gif", four_colours()), Error);
  EXPECT_THROW(write_image(folder / "a.png", Image{}), std::logic_error);
  EXPECT_THROW(write_image(folder / "a.png", Image{4, 4, {1, 2, 3}}), std::logic_error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  const Image too_wide{70000, 1, std::vector<std::uint8_t>(210000)};  // JPEG ends at 65535
  EXPECT_THROW(encode_jpeg(too_wide), DataError);
}

TEST(Image, MissingFileIsNoInput) {
  try {
    read_image("no/such/file.jpg");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNoInput);
  }
}

TEST(Image, FolderIsRefused) {
  const TempDir folder;
  EXPECT_THAT(error_of(folder.path()), HasSubstr("not a file"));
}

TEST(Image, BombIsRefusedFromItsHeader) {
  using namespace std::string_literals;
  const TempDir folder;
  const auto bomb = [](const std::string& side) {
    return "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"s + side + side + "\x08\x02\0\0\0crc!\0\0\0\0IENDcrc!"s;
  };
  write_file(folder / "bomb.png", bomb("\0\0\xFF\xDC"s));
  EXPECT_THAT(error_of(folder / "bomb.png"), HasSubstr("65500x65500 pixels is larger than"));
  write_file(folder / "bomb.png", bomb("\xFF\xFF\xFF\xFF"s));
  EXPECT_THAT(error_of(folder / "bomb.png"), HasSubstr("pixels is larger than"));
}

/// The numbers are those of PIL's alpha_composite over white.
TEST(Image, WhatCanBeSeenThroughLiesOverWhite) {
  using namespace std::string_literals;
  const TempDir folder;
  const std::string signature = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"s;
  const std::string end = "\0\0\0\0IEND\xAE\x42\x60\x82"s;
  write_file(folder / "colours.png",  // 4 x 1, alpha 255, 128, 0, 1
             signature + "\0\0\0\x04\0\0\0\x01\x08\x06\0\0\0\xF9\x3C\x0F\xCD"s +
                 "\0\0\0\x19IDAT\x78\xDA\x63\x3C\x91\x62\xF4\x9F\x81\x81\xA1\x91\x81\x81\xA1"s +
                 "\xC1\x62\xF1\x59\x46\0\x2D\x9A\x05\x09\x99\x32\x74\x29"s + end);
  EXPECT_EQ(read_image(folder / "colours.png").rgb,
            (std::vector<std::uint8_t>{200, 100, 50, 227, 177, 152, 255, 255, 255, 254, 254, 255}));
  write_file(folder / "palette.png",  // 3 x 1, alpha 255, 0, 128
             signature + "\0\0\0\x03\0\0\0\x01\x02\x03\0\0\0\x66\x8E\xFC\x27"s +
                 "\0\0\0\x09PLTE\x0A\x14\x1E\xC8\x64\x32\0\0\xFF\x3F\x74\x29\xEF"s +
                 "\0\0\0\x03tRNS\xFF\0\x80\xA9\x56\x73\x13"s +
                 "\0\0\0\x0AIDAT\x78\x9C\x63\x90\0\0\0\x1A\0\x19\x2D\x88\xF4\x36"s + end);
  EXPECT_EQ(read_image(folder / "palette.png").rgb,
            (std::vector<std::uint8_t>{10, 20, 30, 255, 255, 255, 127, 127, 255}));
}

TEST(Image, EveryCutOfAFileIsRefused) {
  const TempDir folder;
  for (const std::string suffix : {".png", ".jpg"}) {
    write_image(folder / ("a" + suffix), four_colours());
    const std::string whole = read_file(folder / ("a" + suffix));
    for (std::size_t size = 0; size < whole.size(); size += 7) {
      write_file(folder / ("cut" + suffix), whole.substr(0, size));
      EXPECT_NE(error_of(folder / ("cut" + suffix)), "no error") << suffix << " at " << size;
    }
  }
}

TEST(DirtyImages, UprightPixelsAreEqualForAllExifTurns) {
  const auto folder = shared_data("data/dirty/images");
  if (!folder) GTEST_SKIP() << "shared test data is absent";
  for (const std::string suffix : {".jpg", ".webp"}) {
    const Image upright = read_image(*folder / ("hopper" + suffix));
    EXPECT_EQ(upright.width, 128);
    for (int i = 2; i <= 8; ++i) {
      const std::string name = "hopper_orientation_" + std::to_string(i) + suffix;
      EXPECT_LT(mean_difference(read_image(*folder / name), upright), 8) << name;
    }
  }
}

TEST(DirtyImages, GreyAndSixteenBitAndCmykBecomeRgb) {
  const auto folder = shared_data("data/dirty/images");
  if (!folder) GTEST_SKIP() << "shared test data is absent";
  const Image colour = read_image(*folder / "hopper.jpg");
  const Image grey = read_image(*folder / "hopper_gray.jpg");
  EXPECT_EQ(grey.rgb.size(), colour.rgb.size());
  EXPECT_EQ(grey.rgb[300], grey.rgb[301]);
  EXPECT_EQ(grey.rgb[300], grey.rgb[302]);
  EXPECT_LT(mean_difference(read_image(*folder / "hopper.png"), colour), 4);
  const Image deep = read_image(*folder / "mode_16bit.png");
  ASSERT_EQ(deep.rgb.size(), 128U * 64 * 3);
  expect_pixel(deep, 0, {255, 0, 0});
  expect_pixel(deep, 128U * 64 - 1, {255, 0, 0});
  EXPECT_EQ(read_image(*folder / "tiff_16bit_RGB_target.png").rgb.size(), 100U * 40 * 3);
  const Image inks = read_image(*folder / "pil_sample_cmyk.jpg");
  ASSERT_EQ(inks.width, 100);
  expect_pixel(inks, 0, {255, 13, 25});
  expect_pixel(inks, 50 * 100 + 50, {1, 4, 5});
}

TEST(DirtyImages, NoneCrashesAndTheBrokenOnesAreNamed) {
  const auto folder = shared_data("data/dirty/images");
  if (!folder) GTEST_SKIP() << "shared test data is absent";
  int num_read = 0;
  for (const auto& entry : fs::directory_iterator(*folder)) {
    const std::string text = error_of(entry.path());
    if (text == "no error") {
      ++num_read;
    } else {
      EXPECT_THAT(text, HasSubstr(entry.path().string()));
    }
  }
  EXPECT_GE(num_read, 20);
  for (const char* name : {"truncated_jpeg.jpg",
                           "truncated_image.png",
                           "decompression_bomb.gif",
                           "decompression_bomb.ico",
                           "broken.png"}) {
    EXPECT_NE(error_of(*folder / name), "no error") << name;
  }
}

}  // namespace
}  // namespace vragent::media
