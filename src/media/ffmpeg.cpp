// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/ffmpeg.h"

#include <array>
#include <cstdarg>
#include <mutex>

#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::media {
namespace {

/// The last line that FFmpeg logged as an error in this thread.
std::string& last_error_line() {
  thread_local std::string line;
  return line;
}

void take_log_line(void* object, int level, const char* pattern, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  std::array<char, 512> buffer{};
  int print_prefix = 0;
  av_log_format_line2(
      object, level, pattern, arguments, buffer.data(), buffer.size(), &print_prefix);
  std::string line(buffer.data());
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  if (line.empty()) return;
  log::debug("ffmpeg: {}", line);
  if (level <= AV_LOG_ERROR) last_error_line() = line;
}

}  // namespace

PacketPtr make_packet() {
  return allocated(PacketPtr(av_packet_alloc()));
}

FramePtr make_frame() {
  return allocated(FramePtr(av_frame_alloc()));
}

FramePtr make_frame(int width, int height, AVPixelFormat format) {
  constexpr int kAlignment = 64;
  FramePtr frame = make_frame();
  frame->width = width;
  frame->height = height;
  frame->format = format;
  if (av_frame_get_buffer(frame.get(), kAlignment) < 0) throw std::bad_alloc();
  return frame;
}

void redirect_ffmpeg_log() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(take_log_line); });
}

std::string ffmpeg_error_text(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> buffer{};
  av_strerror(code, buffer.data(), buffer.size());
  const std::string& detail = last_error_line();
  return detail.empty() ? buffer.data() : formatted("{} ({})", buffer.data(), detail);
}

void forget_ffmpeg_log() {
  last_error_line().clear();
}

std::string ffmpeg_url(const std::filesystem::path& path) {
  return "file:" + path.string();
}

}  // namespace vragent::media
