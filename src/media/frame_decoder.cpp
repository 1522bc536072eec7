// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/frame_decoder.h"

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace {

DataError open_error(const std::filesystem::path& path, const AVCodecID codec, int code) {
  return DataError(formatted("{}: cannot open a decoder for {}: {}",
                             path,
                             avcodec_get_name(codec),
                             ffmpeg_error_text(code)));
}

bool is_damaged(const AVFrame& frame) {
  return frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

}  // namespace

FrameDecoder::FrameDecoder(const AVStream& stream,
                           const VideoReaderOptions& options,
                           const std::filesystem::path& path) {
  forget_ffmpeg_log();
  const AVCodecParameters& parameters = *stream.codecpar;
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (codec == nullptr) throw open_error(path, parameters.codec_id, AVERROR_DECODER_NOT_FOUND);
  codec_ = allocated(CodecPtr(avcodec_alloc_context3(codec)));
  int code = avcodec_parameters_to_context(codec_.get(), &parameters);
  codec_->pkt_timebase = stream.time_base;
  codec_->thread_count = options.num_threads;
  codec_->max_pixels = options.max_pixels;
  if (code >= 0) code = avcodec_open2(codec_.get(), codec, nullptr);
  if (code < 0) throw open_error(path, parameters.codec_id, code);
}

bool FrameDecoder::succeeded(int code) {
  if (code >= 0) return true;
  if (code != AVERROR(EAGAIN) && code != AVERROR_EOF) problem_ = ffmpeg_error_text(code);
  return false;
}

void FrameDecoder::send(const AVPacket* packet) {
  succeeded(avcodec_send_packet(codec_.get(), packet));
}

FramePtr FrameDecoder::receive() {
  FramePtr frame = make_frame();
  while (succeeded(avcodec_receive_frame(codec_.get(), frame.get()))) {
    if (!is_damaged(*frame)) return frame;
    problem_ = ffmpeg_error_text(AVERROR_INVALIDDATA);
    av_frame_unref(frame.get());
  }
  return nullptr;
}

void FrameDecoder::flush() {
  avcodec_flush_buffers(codec_.get());
}

void FrameDecoder::skip_unreferenced(bool on) {
  codec_->skip_frame = on ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
}

std::int64_t FrameDecoder::delay() const {
  return codec_->has_b_frames + codec_->thread_count - 1;
}

std::int64_t frame_time(const AVFrame& frame) {
  // The packet's own time if it has one: the first reading took that too. FFmpeg's best effort may
  // prefer the decoding time when the file's times run backwards.
  return frame.pts != AV_NOPTS_VALUE ? frame.pts : frame.best_effort_timestamp;
}

}  // namespace vragent::media
