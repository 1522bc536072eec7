// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `extract-frames`: frames of every video of a catalogue, uniform in time and upright, scored by
// CLIP where a model is given. One bad video is one error row, never a dead run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/run_dir.h"
#include "vragent/nn/device.h"

namespace vragent::perception {

struct ExtractConfig {
  std::filesystem::path out;
  std::filesystem::path videos;
  std::filesystem::path items;
  std::string clip;
  std::int64_t num_frames = 32;
  std::int64_t num_key_frames = 5;  // paper: the best 5
  std::string sampling = "uniform";
  std::int64_t max_pixels = 602112;  // 768 patches of 28 x 28, as Qwen2.5-VL counts them
  std::int64_t jpeg_quality = 90;
  double timeout_seconds = 60;
  bool features = false;
  std::int64_t max_failures = -1;
  std::int64_t jobs = 0;
  bool resume = false;
  bool overwrite = false;
  nn::RuntimeConfig runtime;

  void visit(auto& v) {
    v("out", out, "run folder: frames/, frames.jsonl (required)");
    v("videos",
      videos,
      "folder with one video an item, named ITEM_ID.mp4 (or .mkv, .mov, .webm, ...), or a single "
      "file (required)");
    v("items",
      items,
      "titles of items (csv or jsonl); without it every video of the folder is an item");
    v("clip", clip, "CLIP folder: scores frames against titles and marks key frames");
    v("num-frames", num_frames, "frames sampled from each video");
    v("num-key-frames", num_key_frames, "frames that CLIP keeps");
    v("sampling", sampling, "uniform; or adjacent: neighbouring frames from a random place");
    v("max-pixels", max_pixels, "frames are scaled down to so many pixels; 0 keeps their size");
    v("jpeg-quality", jpeg_quality, "1 to 100");
    v("timeout-seconds", timeout_seconds, "longest time spent on one video");
    v("features", features, "also write the frames' CLIP vectors as frame_features.safetensors");
    v("max-failures", max_failures, "stop after more bad videos than this; -1 never stops");
    v("jobs", jobs, "videos decoded side by side; 0 is one per core");
    v("resume", resume, data::kResumeHelp);
    v("overwrite", overwrite, data::kOverwriteHelp);
    runtime.visit(v);
  }

  void check() const;
};

struct ExtractReport {
  std::int64_t done = 0;    ///< rows written with status ok
  std::int64_t failed = 0;  ///< rows written with status error
  std::int64_t kept = 0;    ///< rows that were there already
  std::int64_t frames = 0;  ///< frames written
};

/// @throws Interrupted after a signal, with whole rows only; Error (70) when max_failures is passed
ExtractReport extract_frames(const ExtractConfig& config);

}  // namespace vragent::perception
