// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// The room without its doors: a build with -DVRAGENT_MEDIA=OFF needs neither FFmpeg nor OpenCV. Of
// image files it reads portable pixmaps (binary PPM) alone; whatever else asks for pixels of a file
// ends with 69. Models and training work as ever.
#include <cctype>
#include <sstream>

#include "vragent/media/image.h"
#include "vragent/media/video_reader.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ExitCode::kUnavailable,
              what + ": this build has no FFmpeg and OpenCV (built with -DVRAGENT_MEDIA=OFF)");
}

/// "P6 WIDTH HEIGHT 255" and one byte of white space before the pixels.
Image read_pixmap(const std::string& bytes, const std::string& where) {
  std::istringstream header(bytes);
  std::string magic;
  std::int64_t largest = 0;
  Image image;
  header >> magic >> image.width >> image.height >> largest;
  if (!header || !std::isspace(header.peek()) || largest != 255 || image.width < 1 ||
      image.height < 1 || image.width > kMaxPixels / image.height)
    throw DataError(where + ": no binary PPM of 8 bits a colour");
  const auto begin = static_cast<std::size_t>(header.tellg()) + 1;
  const auto size = static_cast<std::size_t>(image.width * image.height * 3);
  if (bytes.size() != begin + size) {
    throw DataError(formatted("{}: {} bytes where {}x{} pixels take {}",
                              where,
                              bytes.size(),
                              image.width,
                              image.height,
                              begin + size));
  }
  image.rgb.assign(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.end());
  return image;
}

}  // namespace

struct VideoFrame::Impl {};

struct VideoReader::Impl {};

Image read_image(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  if (!bytes.starts_with("P6")) refuse(path.string());
  return read_pixmap(bytes, path.string());
}

void write_image(const std::filesystem::path& path, const Image&, int) {
  refuse(path.string());
}

std::vector<std::uint8_t> encode_jpeg(const Image&, int) {
  refuse("an image");
}

void write_video(const std::filesystem::path& path,
                 const std::vector<Image>&,
                 const VideoWriterOptions&) {
  refuse(path.string());
}

VideoFrame::VideoFrame(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}

VideoFrame::~VideoFrame() = default;
VideoFrame::VideoFrame(VideoFrame&&) noexcept = default;
VideoFrame& VideoFrame::operator=(VideoFrame&&) noexcept = default;

double VideoFrame::time_seconds() const {
  refuse("a video");
}

Image VideoFrame::image(const FrameSize&) const {
  refuse("a video");
}

VideoReader::VideoReader(const std::filesystem::path& path, const VideoReaderOptions&) {
  refuse(path.string());
}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;

const VideoInfo& VideoReader::info() const {
  refuse("a video");
}

SampledFrames VideoReader::frames_at(std::span<const double>) {
  refuse("a video");
}

}  // namespace vragent::media
