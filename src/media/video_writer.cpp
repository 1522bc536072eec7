// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/media/video_writer.h"

#include <cstring>
#include <stdexcept>
#include <string>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/opt.h>
}

#include "media/ffmpeg.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::media {
namespace {

constexpr int kMatrixBytes = 9 * sizeof(std::int32_t);

void require_ok(int code, const char* what) {
  if (code >= 0) return;
  throw Error(ExitCode::kIo, formatted("cannot {}: {}", what, ffmpeg_error_text(code)));
}

void check_frames(const std::vector<Image>& frames, const VideoWriterOptions& options) {
  if (frames.empty()) throw std::logic_error("write_video: no frames");
  if (!(options.frames_per_second > 0)) throw std::logic_error("write_video: no frame rate");
  const Image& first = frames.front();
  if (first.empty() || first.width % 2 != 0 || first.height % 2 != 0) {
    throw std::logic_error(
        formatted("write_video: {}x{}: sizes must be even", first.width, first.height));
  }
  for (const Image& frame : frames) {
    if (frame.width != first.width || frame.height != first.height ||
        frame.rgb.size() != static_cast<std::size_t>(frame.width * frame.height * 3)) {
      throw std::logic_error("write_video: the frames are not of one size");
    }
  }
}

CodecPtr open_encoder(const Image& first, const VideoWriterOptions& options) {
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  if (codec == nullptr) {
    throw Error(ExitCode::kUnavailable, "this FFmpeg has no libx264 to encode with");
  }
  CodecPtr encoder = allocated(CodecPtr(avcodec_alloc_context3(codec)));
  encoder->width = static_cast<int>(first.width);
  encoder->height = static_cast<int>(first.height);
  encoder->pix_fmt = AV_PIX_FMT_YUV420P;
  encoder->framerate = av_d2q(options.frames_per_second, 100'000);
  encoder->time_base = av_inv_q(encoder->framerate);
  encoder->gop_size = options.key_frame_interval;
  encoder->thread_count = 1;
  encoder->color_range = AVCOL_RANGE_MPEG;
  encoder->colorspace = AVCOL_SPC_SMPTE170M;
  encoder->color_primaries = AVCOL_PRI_SMPTE170M;
  encoder->color_trc = AVCOL_TRC_SMPTE170M;
  encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
  av_opt_set(encoder->priv_data, "preset", "veryfast", 0);
  av_opt_set_int(encoder->priv_data, "crf", options.quality, 0);
  // Key frames only where asked for, and the same choices on every CPU.
  av_opt_set(encoder->priv_data, "x264-params", "scenecut=0:cpu-independent=1", 0);
  require_ok(avcodec_open2(encoder.get(), codec, nullptr), "open the H.264 encoder");
  return encoder;
}

/// Frees a buffer that FFmpeg grows as it writes.
struct CloseBuffer {
  void operator()(AVIOContext* buffer) const { take_bytes(buffer); }

  static std::string take_bytes(AVIOContext* buffer) {
    std::uint8_t* bytes = nullptr;
    const int size = avio_close_dyn_buf(buffer, &bytes);
    const std::unique_ptr<std::uint8_t, FreeWith<av_freep>> owner(bytes);
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
  }
};

/// The .mp4 file, built in memory.
class Muxer {
 public:
  Muxer(const AVCodecContext& encoder, int rotation_degrees)
      : encoder_time_base_(encoder.time_base) {
    AVFormatContext* context = nullptr;
    require_ok(avformat_alloc_output_context2(&context, nullptr, "mp4", nullptr), "make an mp4");
    output_.reset(context);
    require_ok(avio_open_dyn_buf(&output_->pb), "make an mp4");
    buffer_.reset(output_->pb);
    output_->flags |= AVFMT_FLAG_BITEXACT;
    stream_ = allocated(avformat_new_stream(output_.get(), nullptr));
    require_ok(avcodec_parameters_from_context(stream_->codecpar, &encoder), "describe the video");
    stream_->time_base = encoder.time_base;
    stream_->avg_frame_rate = encoder.framerate;
    if (rotation_degrees != 0) add_rotation(rotation_degrees);
    require_ok(avformat_write_header(output_.get(), nullptr), "write the mp4 header");
  }

  void write(AVPacket& packet) {
    packet.stream_index = stream_->index;
    packet.duration = 1;
    av_packet_rescale_ts(&packet, encoder_time_base_, stream_->time_base);
    require_ok(av_write_frame(output_.get(), &packet), "write to the mp4");
  }

  /// The whole file. Called once, last.
  std::string finish() {
    require_ok(av_write_trailer(output_.get()), "finish the mp4");
    return CloseBuffer::take_bytes(buffer_.release());
  }

 private:
  void add_rotation(int degrees) {
    std::uint8_t* matrix =
        allocated(av_stream_new_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, kMatrixBytes));
    // FFmpeg's angle is clockwise here, ours is not.
    av_display_rotation_set(reinterpret_cast<std::int32_t*>(matrix), -degrees);
  }

  OutputPtr output_;
  std::unique_ptr<AVIOContext, CloseBuffer> buffer_;  // where output_ writes
  AVStream* stream_ = nullptr;                        // owned by output_
  AVRational encoder_time_base_;
};

/// Turns RGB images into the encoder's colours.
class FrameFiller {
 public:
  explicit FrameFiller(const AVCodecContext& encoder)
      : rgb_(make_frame(encoder.width, encoder.height, AV_PIX_FMT_RGB24)),
        scaler_(allocated(ScalerPtr(sws_getContext(encoder.width,
                                                   encoder.height,
                                                   AV_PIX_FMT_RGB24,
                                                   encoder.width,
                                                   encoder.height,
                                                   encoder.pix_fmt,
                                                   SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT,
                                                   nullptr,
                                                   nullptr,
                                                   nullptr)))) {}

  FramePtr fill(const Image& image, std::int64_t pts) {
    const auto row_bytes = static_cast<std::size_t>(image.width * 3);
    for (std::int64_t y = 0; y < image.height; ++y) {
      std::memcpy(rgb_->data[0] + y * rgb_->linesize[0], &image.rgb[y * row_bytes], row_bytes);
    }
    FramePtr frame = make_frame(rgb_->width, rgb_->height, AV_PIX_FMT_YUV420P);
    sws_scale(
        scaler_.get(), rgb_->data, rgb_->linesize, 0, rgb_->height, frame->data, frame->linesize);
    frame->pts = pts;
    return frame;
  }

 private:
  FramePtr rgb_;
  ScalerPtr scaler_;
};

/// Hands a frame (null: the end) to the encoder and moves what comes out to the muxer.
void encode_frame(AVCodecContext& encoder, const AVFrame* frame, Muxer& muxer) {
  require_ok(avcodec_send_frame(&encoder, frame), "encode a frame");
  const PacketPtr packet = make_packet();
  while (true) {
    const int code = avcodec_receive_packet(&encoder, packet.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    require_ok(code, "encode a frame");
    muxer.write(*packet);
    av_packet_unref(packet.get());
  }
}

}  // namespace

void write_video(const std::filesystem::path& path,
                 const std::vector<Image>& frames,
                 const VideoWriterOptions& options) {
  check_frames(frames, options);
  redirect_ffmpeg_log();
  forget_ffmpeg_log();
  std::string bytes;
  try {
    const CodecPtr encoder = open_encoder(frames.front(), options);
    Muxer muxer(*encoder, options.rotation_degrees);
    FrameFiller filler(*encoder);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const FramePtr frame = filler.fill(frames[i], static_cast<std::int64_t>(i));
      encode_frame(*encoder, frame.get(), muxer);
    }
    encode_frame(*encoder, nullptr, muxer);
    bytes = muxer.finish();
  } catch (const Error& error) {
    throw Error(error.code(), formatted("{}: {}", path, error.what()));
  }
  write_file(path, bytes);
}

}  // namespace vragent::media
