// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Opens a video and decodes the frames shown at given times, exactly: the last frame whose time is
// not after the one asked for. Opening reads the whole file once without decoding, so the times,
// key frames and length are those of the data, not of a header that may lie.
//
//   VideoReader reader("clip.mp4");
//   const auto times = uniform_timestamps(reader.info().duration_seconds, 16);
//   const SampledFrames sampled = reader.frames_at(times);
//   for (const VideoFrame& frame : sampled.frames) clip(frame.image({.short_side = 224}));
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vragent/media/image.h"

namespace vragent::media {

/// What no file may exceed, however broken or hostile it is.
struct VideoReaderOptions {
  double timeout_seconds = 60.0;          ///< time spent in all calls of one reader together
  std::int64_t max_packets = 1'000'000;   ///< packets read in one pass: 9 hours at 30 frames/s
  std::int64_t max_pixels = 8192 * 4352;  ///< size of one coded frame
  int num_threads = 1;  ///< of the decoder; 1 is best when several videos are read side by side
};

/// The best video stream of a file. Times count from the first frame that is shown.
struct VideoInfo {
  std::int64_t width = 0;  ///< upright, with square pixels: as image({}) of a frame has it
  std::int64_t height = 0;
  double duration_seconds = 0.0;         ///< from the first frame to the end of the last, as found
  double header_duration_seconds = 0.0;  ///< as the header claims; 0 when it does not say
  double start_seconds = 0.0;            ///< time of the first frame on the file's own clock
  double frames_per_second = 0.0;        ///< average; 0 for a single frame of unknown length
  std::int64_t num_frames = 0;           ///< frames in the file, before decoding
  int rotation_degrees = 0;              ///< turn applied: 0, 90, 180, 270, counter-clockwise
  std::string codec;                     ///< FFmpeg's name: "h264", "hevc", "av1"
  std::string problem;  ///< why the file ends early, in FFmpeg's words; empty when it does not
};

/// How large an image is wanted. Frames are scaled down to keep all given limits, never up.
struct FrameSize {
  std::int64_t short_side = 0;  ///< limit of the shorter side in pixels; 0: none
  std::int64_t long_side = 0;   ///< limit of the longer side; 0: none
  std::int64_t max_pixels = 0;  ///< limit of width * height; 0: none
};

/// A decoded frame, still in the codec's colours (1.5 bytes a pixel for 4:2:0), so that many can be
/// kept and converted late or at several sizes.
class VideoFrame {
 public:
  struct Impl;
  explicit VideoFrame(std::unique_ptr<const Impl> impl);
  ~VideoFrame();
  VideoFrame(VideoFrame&&) noexcept;
  VideoFrame& operator=(VideoFrame&&) noexcept;

  /// When it is shown, in seconds from the first frame.
  [[nodiscard]] double time_seconds() const;

  /// Upright RGB with square pixels, scaled straight from the codec's colours (bicubic).
  /// @throws DataError when FFmpeg cannot convert the frame's pixel format
  [[nodiscard]] Image image(const FrameSize& size = {}) const;

 private:
  std::unique_ptr<const Impl> impl_;
};

/// The frame that answers one requested time.
struct FramePick {
  std::size_t frame = 0;     ///< index in SampledFrames::frames; equal for times that share a frame
  bool is_stand_in = false;  ///< the frame of that time is missing or broken, or the video has
                             ///< ended: this is the nearest good one, an earlier one if any
};

/// The answer to a list of times.
struct SampledFrames {
  std::vector<VideoFrame> frames;  ///< distinct, in time order; at least one unless none was asked
  std::vector<FramePick> picks;    ///< one for each requested time
  std::string problem;  ///< the last thing that FFmpeg complained of; empty when all well
};

/// A video file that has been opened. Not thread-safe; several readers may work side by side.
class VideoReader {
 public:
  /// Opens `path` and finds its frames. The path is a plain file name, whatever characters it has.
  /// @throws Error (66) when there is no such file; DataError naming the path with FFmpeg's text
  /// when it holds no video that can be read, or exceeds a limit
  explicit VideoReader(const std::filesystem::path& path, const VideoReaderOptions& options = {});
  ~VideoReader();
  VideoReader(VideoReader&&) noexcept;

  [[nodiscard]] const VideoInfo& info() const;

  /// Decodes what is shown at each of `seconds`, counted from the first frame; before 0 the first
  /// frame is meant, after the end a stand-in is given. Decodes forward only, from the key frame
  /// before each time.
  /// @param seconds sorted and finite. @throws std::logic_error when they are not
  /// @throws DataError when not one frame can be decoded, or a limit is exceeded
  SampledFrames frames_at(std::span<const double> seconds);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vragent::media
