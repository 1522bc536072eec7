// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Cuts a text into the words that a tokenizer's model gets one by one: the stages of a
// tokenizer.json's pre_tokenizer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vragent/words/space_marks.h"
#include "vragent/words/word_pattern.h"

namespace vragent::words {

/// Each digit (any \p{N}) alone, or each run of them together; what lies between stays whole.
struct SplitDigits {
  bool individual = true;
};

/// Words between white space, each sign of punctuation alone (BERT).
struct SplitBertWords {};

/// Each sign of punctuation alone, as BERT knows them; white space stays.
struct SplitPunctuation {};

/// Words between white space.
struct SplitAtSpace {};

/// Runs of \w and runs of what is neither \w nor white space.
struct SplitWordChars {};

/// Spaces become marks, a mark is put in front of a piece that has none, and pieces are cut before
/// each mark (SentencePiece).
struct Metaspace {
  enum class Prepend {
    kNever,
    kFirst,  ///< only to the piece with which the whole text begins
    kAlways,
  };

  std::string mark = std::string(kSpaceMark);  ///< one character
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

/// One stage of a tokenizer.json's pre_tokenizer.
using SplitStep = std::variant<WordPattern,
                               SplitDigits,
                               SplitBertWords,
                               SplitPunctuation,
                               SplitAtSpace,
                               SplitWordChars,
                               Metaspace>;

/// Runs the stages one after the other on what the stage before left. Keeps its memory from text
/// to text; not thread-safe.
class WordCutter {
 public:
  explicit WordCutter(std::vector<SplitStep> steps) : steps_(std::move(steps)) {}

  /// The words of a text, valid until the next call and as long as the text is.
  /// @param text valid UTF-8
  /// @param at_start false when something stood before this text
  std::span<const std::string_view> cut(std::string_view text, bool at_start = true);

 private:
  void mark_spaces(const Metaspace& step, std::string_view text, bool at_start);

  std::vector<SplitStep> steps_;
  std::vector<std::string_view> words_;
  std::vector<std::string_view> before_;
  std::string marked_;
  std::string marked_before_;
};

}  // namespace vragent::words
