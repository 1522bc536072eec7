// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// The room without its doors: a build with -DVRAGENT_MEDIA=OFF needs neither FFmpeg nor OpenCV, and
// whatever asks for pixels of a file ends with 69. Models and training work as ever.
#include "vragent/media/image.h"
#include "vragent/media/video_reader.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ExitCode::kUnavailable,
              what + ": this build has no FFmpeg and OpenCV (built with -DVRAGENT_MEDIA=OFF)");
}

}  // namespace

struct VideoFrame::Impl {};

struct VideoReader::Impl {};

Image read_image(const std::filesystem::path& path) {
  refuse(path.string());
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
