// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/demuxer.h"

#include <algorithm>
#include <cmath>
#include <utility>

extern "C" {
#include <libavutil/dict.h>
}

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace fs = std::filesystem;

namespace {

/// Containers that hold their data themselves. Playlists and scripts, which name other files, are
/// left out.
constexpr const char* kContainers = "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,asf,ogg,gif,ivf";

/// A seek costs more than reading on over fewer packets than this.
constexpr std::size_t kMinSeek = 32;

int is_time_over(void* limit) {
  return static_cast<const TimeLimit*>(limit)->is_over() ? 1 : 0;
}

void require_regular_file(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) {
    throw Error(ExitCode::kNoInput, formatted("{}: cannot open: {}", path, code.message()));
  }
  // A pipe would block for ever, out of reach of the time limit.
  if (!fs::is_regular_file(status)) throw DataError(formatted("{}: not a file", path));
}

/// Reads the stream parameters, under the same limit of size as our own decoder later.
int find_streams(AVFormatContext& input, std::int64_t max_pixels) {
  std::vector<AVDictionary*> entries(input.nb_streams, nullptr);
  for (AVDictionary*& entry : entries) av_dict_set_int(&entry, "max_pixels", max_pixels, 0);
  const int code = avformat_find_stream_info(&input, entries.data());
  for (AVDictionary*& entry : entries) av_dict_free(&entry);
  return code;
}

bool is_cover_picture(const AVStream& stream) {
  return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

}  // namespace

void fail_video(const fs::path& path, const std::string& what, int code) {
  throw DataError(formatted("{}: {}: {}", path, what, ffmpeg_error_text(code)));
}

Demuxer::Demuxer(fs::path path, const VideoReaderOptions& options)
    : path_(std::move(path)), options_(options), time_limit_(options.timeout_seconds) {
  redirect_ffmpeg_log();
  forget_ffmpeg_log();
  require_regular_file(path_);
  open();
  scan();
  order_by_time();
  rewind();
}

void Demuxer::open() {
  AVFormatContext* context = allocated(avformat_alloc_context());
  context->interrupt_callback = {is_time_over, &time_limit_};
  context->flags |= AVFMT_FLAG_GENPTS;  // AVI has no times for B-frames
  AVDictionary* entries = nullptr;
  av_dict_set(&entries, "format_whitelist", kContainers, 0);
  av_dict_set(&entries, "protocol_whitelist", "file", 0);
  int code = avformat_open_input(&context, ffmpeg_url(path_).c_str(), nullptr, &entries);
  av_dict_free(&entries);
  if (code >= 0) {
    input_.reset(context);
    code = find_streams(*input_, options_.max_pixels);
  }
  check_time();
  if (code < 0) fail_video(path_, "cannot open video", code);
  choose_stream();
}

void Demuxer::choose_stream() {
  const int best = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  stream_ = best >= 0 ? input_->streams[best] : nullptr;
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    AVStream* stream = input_->streams[i];
    const bool is_video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    if (stream_ != nullptr && is_cover_picture(*stream_) && is_video) stream_ = stream;
  }
  if (stream_ == nullptr || is_cover_picture(*stream_)) {
    throw DataError(formatted("{}: no video stream", path_));
  }
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    AVStream* stream = input_->streams[i];
    stream->discard = stream == stream_ ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
  const AVCodecParameters& codec = *stream_->codecpar;
  if (std::int64_t{codec.width} * codec.height > options_.max_pixels) {
    throw DataError(formatted("{}: frames of {}x{} pixels are larger than the limit of {} pixels",
                              path_,
                              codec.width,
                              codec.height,
                              options_.max_pixels));
  }
}

void Demuxer::check_time() const {
  if (time_limit_.is_over()) {
    throw DataError(
        formatted("{}: not read within the limit of {} seconds", path_, options_.timeout_seconds));
  }
}

int Demuxer::read_raw(AVPacket& packet) {
  while (true) {
    av_packet_unref(&packet);
    const int code = av_read_frame(input_.get(), &packet);
    check_time();
    if (++packets_read_ > options_.max_packets) {
      throw DataError(formatted("{}: more than {} packets", path_, options_.max_packets));
    }
    if (code < 0 || packet.stream_index == stream_->index) return code;
  }
}

void Demuxer::note_packet(const AVPacket& packet) {
  PacketRecord record;
  record.pts = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  record.duration = std::max<std::int64_t>(packet.duration, 0);
  const bool is_shown = record.pts != AV_NOPTS_VALUE && (packet.flags & AV_PKT_FLAG_DISCARD) == 0;
  record.rank = is_shown ? 0 : -1;
  record.is_key = is_shown && (packet.flags & AV_PKT_FLAG_KEY) != 0;
  packets_.push_back(record);
}

void Demuxer::scan() {
  const PacketPtr packet = make_packet();
  int code = 0;
  while ((code = read_raw(*packet)) >= 0) note_packet(*packet);
  if (code != AVERROR_EOF) problem_ = ffmpeg_error_text(code);
}

void Demuxer::order_by_time() {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < packets_.size(); ++i) {
    if (packets_[i].rank >= 0) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [this](std::size_t i) { return packets_[i].pts; });
  for (const std::size_t i : order) {
    const bool is_repeat = !shown_.empty() && packets_[shown_.back()].pts == packets_[i].pts;
    packets_[i].rank = is_repeat ? -1 : static_cast<std::int64_t>(shown_.size());
    if (!is_repeat) shown_.push_back(i);
  }
  if (shown_.empty()) {
    throw DataError(formatted(
        "{}: the video stream holds no frames{}{}", path_, problem_.empty() ? "" : ": ", problem_));
  }
}

double Demuxer::container_seconds() const {
  return input_->duration > 0 ? static_cast<double>(input_->duration) / AV_TIME_BASE : 0.0;
}

double Demuxer::pixel_aspect() const {
  constexpr double kNonsense = 10.0;
  constexpr double kRounding = 0.01;  // left by muxers that round the size on the screen
  const AVRational ratio = av_guess_sample_aspect_ratio(input_.get(), stream_, nullptr);
  const double aspect = ratio.num > 0 && ratio.den > 0 ? av_q2d(ratio) : 1.0;
  const bool is_nonsense = aspect > kNonsense || aspect < 1.0 / kNonsense;
  return is_nonsense || std::abs(aspect - 1.0) < kRounding ? 1.0 : aspect;
}

Turn Demuxer::turn() const {
  const std::uint8_t* data = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (data == nullptr) return {};
  const auto* matrix = reinterpret_cast<const std::int32_t*>(data);
  return turn_from_matrix(matrix[0], matrix[1], matrix[3], matrix[4]);
}

std::size_t Demuxer::key_before(std::size_t index) const {
  const std::int64_t pts = packets_[index].pts;
  std::size_t key = index;
  while (key > 0 && !(packets_[key].is_key && packets_[key].pts <= pts)) --key;
  return key;
}

bool Demuxer::seek_to(std::size_t index) {
  const std::int64_t pts = packets_[index].pts;
  pending_.reset();
  if (avformat_seek_file(input_.get(), stream_->index, INT64_MIN, pts, pts, 0) < 0) return false;
  PacketPtr packet = make_packet();
  if (read_raw(*packet) < 0) return false;
  const std::int64_t landed = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
  const auto found = std::ranges::find(packets_, landed, &PacketRecord::pts);
  if (found == packets_.end()) return false;
  position_ = static_cast<std::size_t>(found - packets_.begin());
  pending_ = std::move(packet);
  return true;
}

void Demuxer::rewind() {
  packets_read_ = 0;
  if (position_ == 0 && pending_) return;
  if (seek_to(0) && position_ == 0) return;
  pending_.reset();
  input_.reset();
  open();
  position_ = 0;
}

void Demuxer::go_to(std::size_t index) {
  const std::size_t old = position_;
  if (index > old + kMinSeek && can_seek_) {
    // FFmpeg may land beyond the key frame that was asked for, or far before it.
    can_seek_ = seek_to(index) && position_ > old && position_ <= index;
    if (!can_seek_) rewind();
  }
  if (position_ > index) rewind();
  const PacketPtr packet = make_packet();
  while (position_ < index && read(*packet)) {
  }
}

bool Demuxer::read(AVPacket& packet) {
  av_packet_unref(&packet);
  if (position_ >= packets_.size()) return false;
  if (pending_) {
    av_packet_move_ref(&packet, pending_.get());
    pending_.reset();
  } else if (read_raw(packet) < 0) {
    return false;
  }
  ++position_;
  return true;
}

}  // namespace vragent::media
