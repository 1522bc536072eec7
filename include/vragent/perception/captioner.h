// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Key frames and a title to one caption (paper, IP agent): collaborative multimodal perception
// (CMP), then recommendation relevant analysis (RRA) as the next turn of the same dialogue.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/media/image.h"

namespace vragent::perception {

struct CaptionerConfig {
  bool cmp = true;
  bool rra = true;
  std::int64_t max_words = 35;  // paper: about 35
  chat::SamplingConfig sampling = {.temperature = 0.0, .max_tokens = 256};

  void visit(auto& v) {
    v("cmp",
      cmp,
      "show frames and title together; without it they are analysed apart and the captions joined");
    v("rra",
      rra,
      "rewrite the perception for a recommender; without it the long text is the caption");
    v("max-words", max_words, "longest caption; longer answers are cut at this word");
    v("sampling", sampling, "");
  }

  void check() const;
};

/// One video to describe.
struct CaptionTask {
  std::string item_id;
  std::string title;
  std::vector<media::Image> key_frames;  ///< in time order
};

struct CaptionResult {
  std::string caption;
  std::string perception;     ///< the first turn's long text (two texts without cmp, a line each)
  std::string finish_reason;  ///< of the last turn; "length" where it was cut by the token limit
  std::string error;          ///< empty unless the call failed
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

/// Describes a batch of videos; results do not depend on batch mates.
std::vector<CaptionResult> caption_videos(chat::ChatModel& model,
                                          std::span<const CaptionTask> tasks,
                                          const CaptionerConfig& config,
                                          std::uint64_t seed);

/// The first `max_words` words in one line, separated by single spaces.
std::string cut_words(const std::string& text, std::int64_t max_words);

}  // namespace vragent::perception
