// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// FFmpeg tamed: every C struct is owned the line it is created, every error code becomes text, and
// FFmpeg's own talk goes to our log at debug level instead of stderr.
#pragma once

#include <filesystem>
#include <memory>
#include <new>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

namespace vragent::media {

/// Deleter for the shapes of FFmpeg's free functions: f(T**), f(T*), and av_freep(void*), which
/// takes the address too. Not for av_free(void*), which would get the address instead of the
/// object.
template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    if constexpr (requires { Free(&object); }) {
      Free(&object);
    } else {
      Free(object);
    }
  }
};

using PacketPtr = std::unique_ptr<AVPacket, FreeWith<av_packet_free>>;
using FramePtr = std::unique_ptr<AVFrame, FreeWith<av_frame_free>>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeWith<avcodec_free_context>>;
using InputPtr = std::unique_ptr<AVFormatContext, FreeWith<avformat_close_input>>;
using OutputPtr = std::unique_ptr<AVFormatContext, FreeWith<avformat_free_context>>;
using ScalerPtr = std::unique_ptr<SwsContext, FreeWith<sws_freeContext>>;

/// `object` itself. @throws std::bad_alloc when it is null: FFmpeg's allocators say so that way
template <class Pointer>
Pointer allocated(Pointer object) {
  if (!object) throw std::bad_alloc();
  return object;
}

/// Empty packet and frame.
PacketPtr make_packet();
FramePtr make_frame();

/// A frame with buffers of its own for this size and format, aligned as swscale likes it.
FramePtr make_frame(int width, int height, AVPixelFormat format);

/// Sends FFmpeg's log to ours (debug level) and remembers its last error line; call before any use.
void redirect_ffmpeg_log();

/// FFmpeg's text for an error code, with the last error line that it logged in this thread since
/// forget_ffmpeg_log(): "Invalid data found when processing input (moov atom not found)".
std::string ffmpeg_error_text(int code);

/// Forgets the remembered error line, so that the next error is not explained by an old one.
void forget_ffmpeg_log();

/// "file:PATH": a path with a colon or a leading dash is then no protocol and no option.
std::string ffmpeg_url(const std::filesystem::path& path);

}  // namespace vragent::media
