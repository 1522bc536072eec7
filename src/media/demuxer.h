// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Yields the packets of a file's best video stream, and knows them all beforehand: opening reads
// the file once and notes every packet's time. No decoding happens here.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "media/ffmpeg.h"
#include "media/turn.h"
#include "vragent/media/video_reader.h"

namespace vragent::media {

/// Adds up the time spent between start() and stop(), and knows when it is too much.
class TimeLimit {
 public:
  explicit TimeLimit(double seconds) : left_(seconds) {}

  void start() { started_ = Clock::now(); }

  void stop() { left_ -= Clock::now() - started_; }

  [[nodiscard]] bool is_over() const { return Clock::now() - started_ > left_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::duration<double> left_;
  Clock::time_point started_ = Clock::now();
};

/// One packet as the first reading found it.
struct PacketRecord {
  std::int64_t pts = 0;       ///< when its frame is shown, in ticks of the stream
  std::int64_t duration = 0;  ///< in ticks; 0 when the file does not say
  std::int64_t rank = -1;     ///< its place among the shown frames in time order; -1: never shown
  bool is_key = false;        ///< decoding can start here
};

/// Not thread-safe, not movable (FFmpeg holds its address).
class Demuxer {
 public:
  /// @throws Error (66) when there is no such file, DataError when it is no video or over a limit
  Demuxer(std::filesystem::path path, const VideoReaderOptions& options);
  Demuxer(const Demuxer&) = delete;
  Demuxer& operator=(const Demuxer&) = delete;

  [[nodiscard]] const AVStream& stream() const { return *stream_; }

  /// All packets in file order, which is decoding order.
  [[nodiscard]] const std::vector<PacketRecord>& packets() const { return packets_; }

  /// Indices into packets() in the order in which the frames are shown; no two of one time.
  [[nodiscard]] const std::vector<std::size_t>& shown() const { return shown_; }

  /// Why the first reading stopped before the end of the file; empty when it did not.
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// Length of the whole file as its header claims; 0 when it does not say.
  [[nodiscard]] double container_seconds() const;

  /// Width of a pixel over its height; 1 where the file says nothing, nonsense, or within 1% of 1.
  [[nodiscard]] double pixel_aspect() const;

  /// The turn that the stream's display matrix asks for.
  [[nodiscard]] Turn turn() const;

  /// The last key packet, in file order, that comes no later than packet `index` in file order and
  /// in time; 0 when there is none.
  [[nodiscard]] std::size_t key_before(std::size_t index) const;

  /// Index of the packet that read() gives next.
  [[nodiscard]] std::size_t position() const { return position_; }

  /// Makes packet `index` the next one: by a seek that is checked, or else by reading on.
  void go_to(std::size_t index);

  /// Reads the next packet of the video; false at the end of what the first reading found.
  bool read(AVPacket& packet);

  /// Starts and stops the clock around a public call.
  TimeLimit& time_limit() { return time_limit_; }

  /// @throws DataError when the time is up
  void check_time() const;

 private:
  void open();
  void choose_stream();
  void scan();
  void note_packet(const AVPacket& packet);
  void order_by_time();
  void rewind();
  bool seek_to(std::size_t index);
  int read_raw(AVPacket& packet);

  std::filesystem::path path_;
  VideoReaderOptions options_;
  TimeLimit time_limit_;
  InputPtr input_;
  AVStream* stream_ = nullptr;  // owned by input_
  std::vector<PacketRecord> packets_;
  std::vector<std::size_t> shown_;
  std::string problem_;
  std::size_t position_ = 0;
  std::int64_t packets_read_ = 0;
  PacketPtr pending_;  // read to see where a seek had landed
  bool can_seek_ = true;
};

/// @throws DataError "PATH: WHAT: FFmpeg's text for `code`"
[[noreturn]] void fail_video(const std::filesystem::path& path, const std::string& what, int code);

}  // namespace vragent::media
