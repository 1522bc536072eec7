// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The steps of a tokenizer.json's normalizer.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "vragent/words/unicode.h"

namespace vragent::words {

struct LowerCase {};

/// Each run of white space becomes one piece of text.
struct ReplaceSpace {
  std::string content;
};

/// Each occurrence of a literal text becomes another.
struct ReplaceText {
  std::string pattern;  ///< not empty
  std::string content;
};

/// BERT's cleaning, in the order of the fields.
struct BertNormalization {
  bool clean_text = true;            ///< drop control characters; white space becomes a space
  bool space_around_chinese = true;  ///< each CJK ideograph becomes a word
  bool strip_accents = true;
  bool lower_case = true;
};

using NormalizerStep =
    std::variant<NormalForm, LowerCase, ReplaceSpace, ReplaceText, BertNormalization>;

/// Runs the steps in order. @param text valid UTF-8
std::string normalize(std::string text, const std::vector<NormalizerStep>& steps);

}  // namespace vragent::words
