// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A user as text: one line for each watched video, oldest first, within a budget of characters.
// What is cut is the oldest.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/data/cases.h"

namespace vragent::simulator {

/// What a prompt shows of user and candidates, and what it asks for.
struct PromptConfig {
  bool cot = true;                    ///< ask for reasoning before the answer (paper: yes)
  bool comments = true;               ///< show what the user wrote below a video (paper: yes)
  std::string item_text = "caption";  ///< "caption" (title where there is none) or "title"
  std::int64_t max_history = 0;       ///< newest videos kept; 0 = all (paper: all N-1)
  std::int64_t max_item_chars = 400;  ///< longest text of one video; captions have about 35 words
  std::int64_t max_history_chars = 6000;  ///< of all lines, about 1,500 tokens; 0 = no limit
  bool prefill = true;                    ///< write the first tag of the answer for the model
  std::string answer_form = "short";      ///< or "official": fields of the release (tasks.h)

  void visit(auto& v) {
    v("cot", cot, "ask for reasoning before the answer");
    v("comments", comments, "show the user's comments");
    v("item-text", item_text, "text of a video: caption (title where there is none) or title");
    v("max-history", max_history, "newest videos of the history that are shown; 0 is all");
    v("max-item-chars", max_item_chars, "longest text of one video in characters");
    v("max-history-chars", max_history_chars, "longest history in characters; 0 is no limit");
    v("prefill", prefill, "begin the answer with its first tag");
    v("answer-form",
      answer_form,
      "what a prompt asks for: short (Yes, No or a candidate's letter), or official (the release's "
      "two fields, User_preference and Prediction or Next_video, the title copied)");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// Text in one line: white space and control characters become single spaces, and what is longer
/// than `max_chars` code points ends at the last whole word within and "...".
std::string one_line(std::string_view text, std::int64_t max_chars);

/// The text a prompt shows for a video: caption or title as config.item_text says, in one line;
/// "(no title)" when there is none.
std::string shown_text(const std::string& title,
                       const std::string& caption,
                       const PromptConfig& config);

/// Lines "- TEXT (user: COMMENT)" ("- TEXT, user comment: COMMENT" in the official form), oldest
/// first: the newest that fit max_history and max_history_chars, and at least one when the history
/// has one.
std::vector<std::string> profile_lines(std::span<const data::HistoryEntry> history,
                                       const PromptConfig& config);

}  // namespace vragent::simulator
