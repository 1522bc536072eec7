// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The generic corpora that the tiny models learn from. None of it shows an item of the world: the
// videos have attributes of their own, and the users, though they watch the world's items, are
// others with other tastes. They stand for what real models learnt before they came here.
//   frames/VIDEO/N.jpg    112 x 112: 0-4 on topic, 5-6 b-roll, 7 a card or a transition; augmented
//   clip_pairs.jsonl      {"image", "text"}: a frame on topic with a title or a caption
//   vlm_stage1.jsonl      chats: one frame on topic -> the caption
//   vlm_stage2.jsonl      chats of the captioner's two turns over five frames (caption_prompts.h)
//   sft_pairs.tsv, sft_comment_en.txt   other users' behaviour, in the MicroLens formats
//   lm_demos.jsonl        answered cases of further people over other videos (teacher.h)
//   texts.txt             a line each: every word there is, for tokenizers and text encoders
// Paths in the .jsonl files are relative to their folder; their lines are in random order.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mini_world/drawing/clips.h"
#include "mini_world/world.h"
#include "vragent/util/random.h"

namespace mini_world {

/// Ids of the users of sft_pairs.tsv count up from here.
inline constexpr std::int64_t kFirstCorpusUser = 1'000'001;

struct CorpusConfig {
  std::filesystem::path out;
  WorldConfig world;
  std::int64_t videos = 0;  ///< 0: smoke 800, full 4,200
  std::int64_t people = 0;  ///< 0: smoke 800, full 6,000
  std::int64_t jobs = 2;

  void visit(auto& v) {
    v("out", out, "folder of the corpora (required)");
    world.visit(v);
    v("videos", videos, "number of generic videos, 8 frames each; 0: as the profile says");
    v("people",
      people,
      "number of users in sft_pairs.tsv, and in lm_demos.jsonl; 0: as the profile says");
    v("jobs", jobs, "threads that draw frames; the files do not depend on it");
  }

  /// @throws vragent::ConfigError
  void check() const;
  [[nodiscard]] std::int64_t num_videos() const;
  [[nodiscard]] std::int64_t num_people() const;
};

struct CorpusCounts {
  std::int64_t frames = 0;
  std::int64_t clip_pairs = 0;
  std::int64_t stage1 = 0;
  std::int64_t stage2 = 0;
  std::int64_t people = 0;
  std::int64_t texts = 0;
};

/// Writes everything. The same seed and sizes give the same bytes of every file.
/// @throws vragent::Error when a file cannot be written, vragent::Interrupted
CorpusCounts make_corpus(const CorpusConfig& config);

}  // namespace mini_world
