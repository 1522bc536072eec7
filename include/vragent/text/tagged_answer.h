// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Answers of the form <think>...</think><answer>...</answer>, read from decoded text: the tags are
// no tokens of Qwen2.5 and merge with their neighbours. A malformed answer is no error, it is a
// value that says what is missing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vragent::text {

/// Where one tag occurs.
struct TagUse {
  std::int64_t count = 0;
  std::optional<std::size_t> first;  ///< byte offset of the first one in TaggedAnswer::text
};

/// What a text says. Contents are without white space at their ends.
struct TaggedAnswer {
  std::string text;  ///< what was read: prefill and completion
  TagUse think, think_end, answer_open, answer_end;
  std::optional<std::string> thought;  ///< of the first closed pair of <think>
  std::optional<std::string> answer;   ///< of the last closed pair of <answer>
  bool well_formed = false;  ///< each tag once, in order, and only white space outside the pairs
};

/// Reads an answer. Pairs do not overlap: one reaches from an opening tag to the next closing one.
/// @param completion what the model wrote, without control tokens
/// @param prefill start of its turn that was written for it, often "<think>"; it counts as written
TaggedAnswer parse_tagged_answer(std::string_view completion, std::string_view prefill = "");

}  // namespace vragent::text
