// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/frame_converter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

extern "C" {
#include <libavutil/pixdesc.h>
}

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace {

/// A pixel format and whether its luma uses the full range 0..255.
struct Source {
  AVPixelFormat format;
  bool is_full_range;
};

/// FFmpeg's old yuvj formats mean "full range"; swscale wants that said apart from the format.
Source source_of(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return {AV_PIX_FMT_YUV420P, true};
    case AV_PIX_FMT_YUVJ422P:
      return {AV_PIX_FMT_YUV422P, true};
    case AV_PIX_FMT_YUVJ440P:
      return {AV_PIX_FMT_YUV440P, true};
    case AV_PIX_FMT_YUVJ444P:
      return {AV_PIX_FMT_YUV444P, true};
    default:
      return {format, frame.color_range == AVCOL_RANGE_JPEG};
  }
}

ScalerPtr make_scaler(const AVFrame& frame, Size size) {
  const Source source = source_of(frame);
  const int flags =
      SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND | SWS_BITEXACT;
  ScalerPtr scaler(sws_getContext(frame.width,
                                  frame.height,
                                  source.format,
                                  static_cast<int>(size.width),
                                  static_cast<int>(size.height),
                                  AV_PIX_FMT_RGB24,
                                  flags,
                                  nullptr,
                                  nullptr,
                                  nullptr));
  if (!scaler) {
    const char* name = av_get_pix_fmt_name(source.format);
    throw DataError(formatted("cannot convert frames of pixel format {}", name ? name : "unknown"));
  }
  // A matrix that the file does not name is BT.601, as in FFmpeg's own tools.
  const int* matrix = sws_getCoefficients(frame.colorspace);
  constexpr int kOne = 1 << 16;
  sws_setColorspaceDetails(
      scaler.get(), matrix, source.is_full_range ? 1 : 0, matrix, 1, 0, kOne, kOne);
  return scaler;
}

Image copy_rows(const AVFrame& rgb) {
  Image image{rgb.width, rgb.height, {}};
  const std::size_t row_bytes = static_cast<std::size_t>(rgb.width) * 3;
  image.rgb.resize(row_bytes * static_cast<std::size_t>(rgb.height));
  for (int y = 0; y < rgb.height; ++y) {
    std::memcpy(
        &image.rgb[row_bytes * y], rgb.data[0] + std::ptrdiff_t{y} * rgb.linesize[0], row_bytes);
  }
  return image;
}

}  // namespace

Size Display::upright(Size stored) const {
  const auto width = static_cast<double>(stored.width) * pixel_aspect;
  Size size{std::max<std::int64_t>(1, std::llround(width)), stored.height};
  if (size.width > kMaxPixels / std::max<std::int64_t>(1, size.height)) size.width = stored.width;
  if (turn.transpose) std::swap(size.width, size.height);
  return size;
}

Size limited(Size size, const FrameSize& limit) {
  const auto [short_side, long_side] = std::minmax(size.width, size.height);
  // The scale as a fraction, so that a limited side comes out exact.
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;
  const auto lower_to = [&](std::int64_t wanted, std::int64_t side) {
    if (wanted <= 0 || wanted * denominator >= numerator * side) return;
    numerator = wanted;
    denominator = side;
  };
  lower_to(limit.short_side, short_side);
  lower_to(limit.long_side, long_side);
  const double pixels = static_cast<double>(size.width) * static_cast<double>(size.height);
  if (limit.max_pixels > 0 && pixels > 0) {
    const double scale = std::sqrt(static_cast<double>(limit.max_pixels) / pixels);
    lower_to(static_cast<std::int64_t>(scale * static_cast<double>(long_side)), long_side);
  }
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, side * numerator / denominator);
  };
  return {scaled(size.width), scaled(size.height)};
}

Image to_image(const AVFrame& frame, const Display& display, const FrameSize& limit) {
  Size size = limited(display.upright({frame.width, frame.height}), limit);
  if (display.turn.transpose) std::swap(size.width, size.height);
  const ScalerPtr scaler = make_scaler(frame, size);
  const FramePtr rgb =
      make_frame(static_cast<int>(size.width), static_cast<int>(size.height), AV_PIX_FMT_RGB24);
  const int rows = sws_scale(
      scaler.get(), frame.data, frame.linesize, 0, frame.height, rgb->data, rgb->linesize);
  if (rows != rgb->height) throw DataError("cannot scale a frame");
  return turned(copy_rows(*rgb), display.turn);
}

}  // namespace vragent::media
