// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Packets to frames. Knows nothing of files, seeking or colours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "media/ffmpeg.h"
#include "vragent/media/video_reader.h"

namespace vragent::media {

/// A decoder for one stream. Not thread-safe.
class FrameDecoder {
 public:
  /// @param path of the file, for messages. @throws DataError when FFmpeg has no such decoder
  FrameDecoder(const AVStream& stream,
               const VideoReaderOptions& options,
               const std::filesystem::path& path);

  /// Hands over a packet; null says that the end is reached. A broken packet is passed over.
  void send(const AVPacket* packet);

  /// The next frame in time order; null when the decoder wants another packet or is at its end.
  /// Frames that FFmpeg marks as damaged are passed over.
  FramePtr receive();

  /// Forgets all frames: the next packet comes from elsewhere in the file.
  void flush();

  /// While on, frames that no other frame refers to are not decoded.
  void skip_unreferenced(bool on);

  /// Packets that may go in before the first frame comes out.
  [[nodiscard]] std::int64_t delay() const;

  /// What FFmpeg last complained of; empty when all went well.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  /// False when the decoder had nothing to give; notes broken data in problem_.
  bool succeeded(int code);

  CodecPtr codec_;
  std::string problem_;
};

/// When a frame is shown, in ticks of its stream; AV_NOPTS_VALUE when it does not say.
std::int64_t frame_time(const AVFrame& frame);

}  // namespace vragent::media
