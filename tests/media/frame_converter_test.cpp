// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/frame_converter.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::media {
namespace {

using ::testing::ElementsAre;

/// A frame of one colour, 8 bits a sample.
FramePtr flat_frame(AVPixelFormat format, std::array<int, 3> yuv) {
  FramePtr frame = make_frame(32, 16, format);
  for (std::size_t plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 || format == AV_PIX_FMT_YUV444P ? 16 : 8;
    std::memset(
        frame->data[plane], yuv[plane], static_cast<std::size_t>(rows * frame->linesize[plane]));
  }
  return frame;
}

std::array<int, 3> centre(const Image& image) {
  const std::size_t i =
      static_cast<std::size_t>((image.height / 2 * image.width + image.width / 2) * 3);
  return {image.rgb[i], image.rgb[i + 1], image.rgb[i + 2]};
}

/// Expects a colour within two levels.
void expect_colour(const Image& image, std::array<int, 3> colour) {
  const std::array<int, 3> got = centre(image);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], colour[i], 2) << "channel " << i;
}

TEST(Limited, KeepsASizeWithinItsLimits) {
  EXPECT_EQ(limited({640, 360}, {}), (Size{640, 360}));
  EXPECT_EQ(limited({640, 360}, {.short_side = 360, .long_side = 640}), (Size{640, 360}));
  EXPECT_EQ(limited({100, 50}, {.short_side = 224}), (Size{100, 50})) << "never enlarged";
}

TEST(Limited, ScalesTheShortSideExactlyAndTheLongSideDown) {
  EXPECT_EQ(limited({640, 360}, {.short_side = 224}), (Size{398, 224})) << "int(224 * 640 / 360)";
  EXPECT_EQ(limited({360, 640}, {.short_side = 224}), (Size{224, 398}));
}

TEST(Limited, KeepsTheLongSideAndThePixelCount) {
  EXPECT_EQ(limited({1920, 1080}, {.long_side = 960}), (Size{960, 540}));
  const Size size = limited({1920, 1080}, {.max_pixels = 360 * 420});
  EXPECT_LE(size.width * size.height, 360 * 420);
  EXPECT_GT(size.width * size.height, 360 * 420 * 98 / 100);
}

TEST(Limited, TakesTheStrictestLimitAndLeavesAPixel) {
  EXPECT_EQ(limited({1000, 500}, {.short_side = 100, .long_side = 100}), (Size{100, 50}));
  EXPECT_EQ(limited({1000, 2}, {.long_side = 10}), (Size{10, 1}));
}

TEST(Display, StretchesTheWidthAndTurns) {
  EXPECT_EQ((Display{2.0, {}}.upright({100, 50})), (Size{200, 50}));
  EXPECT_EQ((Display{0.5, turn_from_exif(6)}.upright({100, 50})), (Size{50, 50}));
  EXPECT_EQ((Display{1.0, turn_from_exif(6)}.upright({100, 50})), (Size{50, 100}));
}

TEST(ToImage, ExpandsTheLimitedRange) {
  expect_colour(to_image(*flat_frame(AV_PIX_FMT_YUV420P, {235, 128, 128}), {}, {}),
                {255, 255, 255});
  expect_colour(to_image(*flat_frame(AV_PIX_FMT_YUV420P, {16, 128, 128}), {}, {}), {0, 0, 0});
}

TEST(ToImage, KeepsTheFullRange) {
  const FramePtr frame = flat_frame(AV_PIX_FMT_YUV420P, {235, 128, 128});
  frame->color_range = AVCOL_RANGE_JPEG;
  expect_colour(to_image(*frame, {}, {}), {235, 235, 235});
  expect_colour(to_image(*flat_frame(AV_PIX_FMT_YUVJ420P, {16, 128, 128}), {}, {}), {16, 16, 16});
}

TEST(ToImage, UsesTheColourMatrixOfTheFrame) {
  // R = Y' + a (Cr - 128) with a = 1.596 (BT.601) or 1.793 (BT.709), Y' = 1.164 (Y - 16).
  const FramePtr frame = flat_frame(AV_PIX_FMT_YUV420P, {100, 128, 160});
  expect_colour(to_image(*frame, {}, {}), {149, 72, 98});
  frame->colorspace = AVCOL_SPC_BT709;
  expect_colour(to_image(*frame, {}, {}), {155, 81, 98});
}

TEST(ToImage, ReadsTenBits) {
  const FramePtr frame = make_frame(32, 16, AV_PIX_FMT_YUV420P10LE);
  const std::array<std::uint16_t, 3> values{235 * 4, 512, 512};
  for (std::size_t plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 ? 16 : 8;
    auto* samples = reinterpret_cast<std::uint16_t*>(frame->data[plane]);
    std::fill_n(samples, rows * frame->linesize[plane] / 2, values[plane]);
  }
  expect_colour(to_image(*frame, {}, {}), {255, 255, 255});
}

TEST(ToImage, ScalesAndTurnsAtOnce) {
  const FramePtr frame = flat_frame(AV_PIX_FMT_YUV444P, {16, 128, 128});
  for (int y = 0; y < 8; ++y) std::memset(frame->data[0] + y * frame->linesize[0], 235, 32);
  const Image image = to_image(*frame, {1.0, turn_from_exif(6)}, {.short_side = 8});
  EXPECT_EQ(image.width, 8);
  EXPECT_EQ(image.height, 16);
  EXPECT_EQ(image.rgb.size(), 8U * 16U * 3U);
  EXPECT_LT(image.rgb[0], 20) << "the dark lower half comes left after a clockwise turn";
  EXPECT_GT(image.rgb[7 * 3], 235);
}

TEST(ToImage, StretchesWidePixels) {
  const Image image = to_image(*flat_frame(AV_PIX_FMT_YUV420P, {100, 128, 128}), {2.0, {}}, {});
  EXPECT_EQ(image.width, 64);
  EXPECT_EQ(image.height, 16);
}

TEST(ToImage, NamesAFormatThatItCannotConvert) {
  const FramePtr frame = make_frame();
  frame->width = 16;
  frame->height = 16;
  frame->format = AV_PIX_FMT_VAAPI;
  EXPECT_THROW(to_image(*frame, {}, {}), DataError);
}

}  // namespace
}  // namespace vragent::media
