// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The steps of a tokenizer.json's normalizer.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "vragent/words/charsmap.h"
#include "vragent/words/unicode.h"

namespace vragent::words {

struct LowerCase {};

/// Each run of white space becomes one piece of text.
struct ReplaceSpace {
  std::string content;
};

/// Each run of two or more spaces (U+0020) becomes one piece of text.
struct ReplaceBlanks {
  std::string content;
};

/// Each occurrence of a literal text becomes another.
struct ReplaceText {
  std::string pattern;  ///< not empty
  std::string content;
};

/// Something in front of every text that is not empty.
struct Prepend {
  std::string content;
};

/// White space is taken off at the ends.
struct StripSpace {
  bool left = true;
  bool right = true;
};

/// Combining marks (Mn, Mc, Me) are left out; decomposition is a step of its own.
struct StripAccents {};

/// BERT's cleaning, in the order of the fields.
struct BertNormalization {
  bool clean_text = true;            ///< drop control characters; white space becomes a space
  bool space_around_chinese = true;  ///< each CJK ideograph becomes a word
  bool strip_accents = true;
  bool lower_case = true;
};

using NormalizerStep = std::variant<NormalForm,
                                    LowerCase,
                                    ReplaceSpace,
                                    ReplaceBlanks,
                                    ReplaceText,
                                    Prepend,
                                    StripSpace,
                                    StripAccents,
                                    BertNormalization,
                                    Charsmap>;

/// Runs the steps in order. @param text valid UTF-8
/// @throws DataError where they make a text grow beyond all reason
std::string normalize(std::string text, const std::vector<NormalizerStep>& steps);

}  // namespace vragent::words
