// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// The door to OpenCV. It gets only bytes whose header has been checked, with its own handling of
// EXIF switched off (it knows none for WebP).
#include "vragent/media/image.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "media/image_header.h"
#include "media/turn.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{512} << 20U;

std::string read_image_file(const fs::path& path) {
  std::error_code code;
  if (fs::exists(path, code) && !fs::is_regular_file(path, code)) {
    throw DataError(formatted("{}: not a file", path));
  }
  const std::uintmax_t size = fs::file_size(path, code);
  if (!code && size > kMaxFileBytes) {
    throw DataError(formatted("{}: image file of {} bytes is larger than 512 MiB", path, size));
  }
  return read_file(path);
}

/// Swaps red and blue of interleaved pixels: OpenCV holds BGR.
void swap_red_and_blue(std::vector<std::uint8_t>& pixels) {
  for (std::size_t i = 0; i + 2 < pixels.size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
}

/// What lies over white where it can be seen through, rounded as PIL's alpha_composite does.
std::uint8_t over_white(int value, int alpha) {
  constexpr int kAll = 255;
  const int sum = 128 * (value * alpha + kAll * (kAll - alpha) + 128);
  return static_cast<std::uint8_t>((((sum >> 8) + sum) >> 8) >> 7);
}

/// BGRA, 8 or 16 bits a number -> BGR
template <class T>
cv::Mat over_white(const cv::Mat& pixels) {
  constexpr int kLower = 8 * (static_cast<int>(sizeof(T)) - 1);  ///< bits, which PIL leaves out
  cv::Mat result(pixels.rows, pixels.cols, CV_8UC3);
  for (int row = 0; row < pixels.rows; ++row) {
    const T* from = pixels.ptr<T>(row);
    std::uint8_t* to = result.ptr<std::uint8_t>(row);
    for (int column = 0; column < pixels.cols; ++column, from += 4, to += 3) {
      const int alpha = from[3] >> kLower;
      for (int c = 0; c < 3; ++c) to[c] = over_white(from[c] >> kLower, alpha);
    }
  }
  return result;
}

/// BGR pixels as stored, EXIF's turn not applied.
cv::Mat decode(std::string& bytes, const fs::path& path) {
  const cv::Mat source(1, static_cast<int>(bytes.size()), CV_8UC1, bytes.data());
  try {
    if (!bytes.starts_with("\xFF\xD8")) {  // what is no JPEG may be seen through
      cv::Mat stored = cv::imdecode(source, cv::IMREAD_UNCHANGED);
      if (stored.type() == CV_8UC4) return over_white<std::uint8_t>(stored);
      if (stored.type() == CV_16UC4) return over_white<std::uint16_t>(stored);
      if (stored.type() == CV_8UC3) return stored;
    }
    return cv::imdecode(source, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& error) {
    throw DataError(formatted("{}: cannot decode image: {}", path, error.err));
  }
}

/// The encoded bytes. @param suffix ".jpg" or ".png", which chooses the encoder
std::vector<std::uint8_t> encode(const Image& image, const char* suffix, int jpeg_quality) {
  if (image.empty() ||
      image.rgb.size() != static_cast<std::size_t>(image.width * image.height * 3)) {
    throw std::logic_error(formatted(
        "encode: {} bytes are no {}x{} RGB image", image.rgb.size(), image.width, image.height));
  }
  std::vector<std::uint8_t> bgr = image.rgb;
  swap_red_and_blue(bgr);
  const cv::Mat pixels(
      static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3, bgr.data());
  std::vector<std::uint8_t> bytes;
  try {
    cv::imencode(suffix, pixels, bytes, {cv::IMWRITE_JPEG_QUALITY, jpeg_quality});
  } catch (const cv::Exception& error) {
    throw DataError(formatted("cannot encode an image of {}x{} pixels as {}: {}",
                              image.width,
                              image.height,
                              suffix,
                              error.err));
  }
  return bytes;
}

/// The file's suffix in small letters, ".jpeg" as ".jpg".
std::string image_suffix(const fs::path& path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return suffix == ".jpeg" ? ".jpg" : suffix;
}

}  // namespace

Image read_image(const fs::path& path) {
  std::string bytes = read_image_file(path);
  const ImageHeader header = parse_image_header(bytes, path.string());
  if (header.width > kMaxPixels / header.height) {
    throw DataError(formatted("{}: image of {}x{} pixels is larger than the limit of {} pixels",
                              path,
                              header.width,
                              header.height,
                              kMaxPixels));
  }
  const cv::Mat pixels = decode(bytes, path);
  if (pixels.empty() || pixels.cols != header.width || pixels.rows != header.height) {
    throw DataError(formatted("{}: cannot decode image: its data is broken", path));
  }
  Image image{header.width, header.height, {}};
  image.rgb.assign(pixels.data, pixels.data + pixels.total() * pixels.elemSize());
  swap_red_and_blue(image.rgb);
  return turned(std::move(image), turn_from_exif(header.exif_orientation));
}

void write_image(const fs::path& path, const Image& image, int jpeg_quality) {
  const std::string suffix = image_suffix(path);
  if (suffix != ".jpg" && suffix != ".png") {
    throw Error(ExitCode::kCannotCreate,
                formatted("{}: images are written as .jpg or .png, not '{}'", path, suffix));
  }
  const std::vector<std::uint8_t> bytes = encode(image, suffix.c_str(), jpeg_quality);
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<std::uint8_t> encode_jpeg(const Image& image, int quality) {
  return encode(image, ".jpg", quality);
}

}  // namespace vragent::media
