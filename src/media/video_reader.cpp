// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/media/video_reader.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "media/demuxer.h"
#include "media/frame_converter.h"
#include "media/frame_decoder.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace {

/// Frames this close before a wanted one, in time order, are all decoded: some decoders learn from
/// them how far frames are out of order. No format reorders further.
constexpr std::int64_t kMaxReorder = 16;

/// The clock runs while this lives.
class Timed {
 public:
  explicit Timed(TimeLimit& limit) : limit_(limit) { limit_.start(); }

  ~Timed() { limit_.stop(); }

  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  TimeLimit& limit_;
};

/// Walks forward through a video and stops at wanted frames.
class FrameFinder {
 public:
  FrameFinder(Demuxer& demuxer, FrameDecoder& decoder) : demuxer_(demuxer), decoder_(decoder) {}

  /// The frame of packet `index`, or else the nearest that decodes, an earlier one if any; null
  /// when none does. Valid until the next call. Indices must come in time order.
  const AVFrame* find(std::size_t index) {
    const std::size_t key = demuxer_.key_before(index);
    const auto position = static_cast<std::int64_t>(demuxer_.position());
    if (!started_ || static_cast<std::int64_t>(key) > position + decoder_.delay()) start_at(key);
    decode_until(index);
    // Some key frames only begin a gradual refresh: the frames after them come out from the key
    // frame before.
    const bool from_key = last_ && frame_time(*last_) >= demuxer_.packets()[key].pts;
    if (started_at_ == key && key > 0 && !from_key) {
      start_at(demuxer_.key_before(key - 1));
      decode_until(index);
    }
    if (!last_ && !ahead_ && started_at_ != 0) {
      start_at(0);
      decode_until(index);
    }
    return last_ ? last_.get() : ahead_.get();
  }

 private:
  void start_at(std::size_t key) {
    demuxer_.go_to(key);
    decoder_.flush();
    ahead_.reset();
    started_ = true;
    started_at_ = key;
    is_drained_ = false;
  }

  void decode_until(std::size_t index) {
    const std::int64_t wanted = demuxer_.packets()[index].pts;
    while (true) {
      if (ahead_ && frame_time(*ahead_) <= wanted) last_ = std::move(ahead_);
      if (ahead_ || (last_ && frame_time(*last_) == wanted)) return;
      ahead_ = next_frame(demuxer_.packets()[index].rank);
      if (!ahead_) return;
    }
  }

  /// The next frame that says when it is shown; null at the end of the file.
  FramePtr next_frame(std::int64_t wanted_rank) {
    while (true) {
      FramePtr frame = decoder_.receive();
      if (frame && frame_time(*frame) != AV_NOPTS_VALUE) return frame;
      if (frame) continue;
      if (is_drained_) return nullptr;
      feed(wanted_rank);
    }
  }

  void feed(std::int64_t wanted_rank) {
    demuxer_.check_time();
    is_drained_ = !demuxer_.read(*packet_);
    if (is_drained_) {
      decoder_.send(nullptr);
      return;
    }
    const std::int64_t rank = demuxer_.packets()[demuxer_.position() - 1].rank;
    decoder_.skip_unreferenced(rank >= 0 && rank + kMaxReorder < wanted_rank);
    decoder_.send(packet_.get());
  }

  Demuxer& demuxer_;
  FrameDecoder& decoder_;
  PacketPtr packet_ = make_packet();
  FramePtr last_;   // the latest frame not after the wanted time
  FramePtr ahead_;  // the first frame after it
  bool started_ = false;
  std::size_t started_at_ = 0;
  bool is_drained_ = false;
};

void check_sorted(std::span<const double> seconds) {
  const bool is_finite =
      std::ranges::all_of(seconds, [](double second) { return std::isfinite(second); });
  if (!is_finite || !std::ranges::is_sorted(seconds)) {
    throw std::logic_error("frames_at: the times must be finite and sorted");
  }
}

}  // namespace

struct VideoFrame::Impl {
  FramePtr frame;
  Display display;
  double time_seconds;
  std::filesystem::path path;
};

VideoFrame::VideoFrame(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}

VideoFrame::~VideoFrame() = default;
VideoFrame::VideoFrame(VideoFrame&&) noexcept = default;
VideoFrame& VideoFrame::operator=(VideoFrame&&) noexcept = default;

double VideoFrame::time_seconds() const {
  return impl_->time_seconds;
}

Image VideoFrame::image(const FrameSize& size) const {
  try {
    return to_image(*impl_->frame, impl_->display, size);
  } catch (const DataError& error) {
    throw DataError(formatted("{}: {}", impl_->path, error.what()));
  }
}

struct VideoReader::Impl {
  std::filesystem::path path;
  Demuxer demuxer;
  FrameDecoder decoder;
  Display display;
  double tick_seconds;
  std::int64_t start;
  VideoInfo info;

  Impl(const std::filesystem::path& file, const VideoReaderOptions& options)
      : path(file),
        demuxer(file, options),
        decoder(demuxer.stream(), options, file),
        display{demuxer.pixel_aspect(), demuxer.turn()},
        tick_seconds(av_q2d(demuxer.stream().time_base)),
        start(demuxer.packets()[demuxer.shown().front()].pts) {
    describe();
    demuxer.time_limit().stop();
  }

  void describe();
  [[nodiscard]] double end_seconds() const;
  [[nodiscard]] double header_seconds() const;
  [[nodiscard]] std::size_t packet_at(double second) const;
  [[nodiscard]] VideoFrame keep(const AVFrame& frame) const;
  [[nodiscard]] SampledFrames sample(std::span<const double> seconds);
};

/// End of the last frame; where its length is not given, it is the average one.
double VideoReader::Impl::end_seconds() const {
  const PacketRecord& last = demuxer.packets()[demuxer.shown().back()];
  const auto span = static_cast<double>(last.pts - start);
  const auto others = static_cast<double>(demuxer.shown().size() - 1);
  const double average = others > 0 ? span / others : 0.0;
  return (span + (last.duration > 0 ? static_cast<double>(last.duration) : average)) * tick_seconds;
}

double VideoReader::Impl::header_seconds() const {
  const AVStream& stream = demuxer.stream();
  if (stream.duration > 0) return static_cast<double>(stream.duration) * tick_seconds;
  return demuxer.container_seconds();
}

void VideoReader::Impl::describe() {
  const AVCodecParameters& codec = *demuxer.stream().codecpar;
  const Size size = display.upright({codec.width, codec.height});
  info.width = size.width;
  info.height = size.height;
  info.duration_seconds = end_seconds();
  info.header_duration_seconds = header_seconds();
  info.start_seconds = static_cast<double>(start) * tick_seconds;
  info.num_frames = static_cast<std::int64_t>(demuxer.shown().size());
  if (info.duration_seconds > 0) {
    info.frames_per_second = static_cast<double>(info.num_frames) / info.duration_seconds;
  }
  info.rotation_degrees = rotation_degrees(display.turn);
  info.codec = avcodec_get_name(codec.codec_id);
  info.problem = demuxer.problem();
}

/// The packet whose frame is shown at a time: the last that is not later.
std::size_t VideoReader::Impl::packet_at(double second) const {
  // A time that was computed from ticks must find them again.
  constexpr double kRoundingTicks = 1e-3;
  const double ticks = static_cast<double>(start) + second / tick_seconds + kRoundingTicks;
  const auto& shown = demuxer.shown();
  const auto later = std::ranges::upper_bound(shown, ticks, {}, [this](std::size_t index) {
    return static_cast<double>(demuxer.packets()[index].pts);
  });
  return later == shown.begin() ? shown.front() : *(later - 1);
}

VideoFrame VideoReader::Impl::keep(const AVFrame& frame) const {
  FramePtr kept = allocated(FramePtr(av_frame_clone(&frame)));
  const double time = static_cast<double>(frame_time(frame) - start) * tick_seconds;
  return VideoFrame(std::make_unique<const VideoFrame::Impl>(
      VideoFrame::Impl{std::move(kept), display, time, path}));
}

SampledFrames VideoReader::Impl::sample(std::span<const double> seconds) {
  SampledFrames result;
  FrameFinder finder(demuxer, decoder);
  std::int64_t kept_time = AV_NOPTS_VALUE;
  for (const double second : seconds) {
    const std::size_t index = packet_at(second);
    const AVFrame* frame = finder.find(index);
    if (frame == nullptr) {  // not one good frame: later times cannot do better
      const std::string& text = decoder.problem();
      throw DataError(
          formatted("{}: no frame can be decoded{}{}", path, text.empty() ? "" : ": ", text));
    }
    const std::int64_t time = frame_time(*frame);
    if (result.frames.empty() || time != kept_time) result.frames.push_back(keep(*frame));
    kept_time = time;
    const bool is_late = second >= info.duration_seconds && info.duration_seconds > 0;
    result.picks.push_back(
        {result.frames.size() - 1, is_late || time != demuxer.packets()[index].pts});
  }
  result.problem = decoder.problem();
  return result;
}

VideoReader::VideoReader(const std::filesystem::path& path, const VideoReaderOptions& options)
    : impl_(std::make_unique<Impl>(path, options)) {}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;

const VideoInfo& VideoReader::info() const {
  return impl_->info;
}

SampledFrames VideoReader::frames_at(std::span<const double> seconds) {
  check_sorted(seconds);
  const Timed timed(impl_->demuxer.time_limit());
  return impl_->sample(seconds);
}

}  // namespace vragent::media
