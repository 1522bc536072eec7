// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `ip-caption`: the item perception agent over a catalogue: key frames, dialogue, one row a video.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "vragent/chat/chat_model.h"
#include "vragent/chat/model_sampling.h"
#include "vragent/data/run_dir.h"
#include "vragent/nn/device.h"
#include "vragent/perception/captioner.h"
#include "vragent/perception/frame_extraction.h"

namespace vragent::perception {

struct IpCaptionConfig {
  std::filesystem::path out;
  std::filesystem::path frames;
  std::filesystem::path items;
  bool kfr = true;
  std::int64_t num_frames = 5;  // paper: 5 key frames
  std::int64_t batch_size = 32;
  std::int64_t limit = 0;
  bool resume = false;
  bool overwrite = false;
  std::string model;
  CaptionerConfig captioner;
  bool model_sampling = false;  ///< for the record: who calls has put the values into captioner
  ExtractConfig extract;
  nn::RuntimeConfig runtime;

  void visit(auto& v) {
    v("out", out, "run folder: captions.jsonl (required)");
    v("model", model, "Qwen2.5-VL folder, or org/name in the local cache (required)");
    v("frames", frames, "run folder of extract-frames (or its frames.jsonl)");
    v("items", items, "titles of items (csv or jsonl)");
    v("kfr",
      kfr,
      "show the key frames that CLIP chose; without it neighbouring sampled frames from a random "
      "place");
    v("num-frames", num_frames, "frames that are shown, as so many images");
    v("batch-size", batch_size, "videos described at a time");
    v("limit", limit, "describe the first so many videos only; 0 is all");
    v("resume", resume, data::kResumeHelp);
    v("overwrite", overwrite, data::kOverwriteHelp);
    captioner.visit(v);
    v("model-sampling", model_sampling, chat::kModelSamplingHelp);
    v("videos",
      extract.videos,
      "instead of --frames: extract frames from this folder into --out first");
    v("clip", extract.clip, "with --videos: CLIP folder that chooses the key frames");
    v("sampled-frames", extract.num_frames, "with --videos: frames sampled from each video");
    runtime.visit(v);
  }

  void check() const;
};

struct IpCaptionReport {
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t kept = 0;
};

/// Describes all videos with `model`. A video without frames, or whose call failed, is an error
/// row.
/// @throws Interrupted after a signal, with whole rows only
IpCaptionReport caption_catalogue(const IpCaptionConfig& config, chat::ChatModel& model);

}  // namespace vragent::perception
