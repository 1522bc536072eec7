// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The word patterns of byte-level tokenizers. The regular expressions of the published ones are
// scanned by hand; each is named here and nothing else is understood.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace vragent::words {

/// The word patterns of the published byte-level tokenizers.
enum class WordPattern {
  kGpt2,    ///< contractions, words and numbers with their leading space
  kQwen2,   ///< any one sign may lead a word, digits stand alone, line feeds end a word
  kLlama3,  ///< as kQwen2, but up to three digits together
  kClip,    ///< words, single digits, runs of signs; white space vanishes
};

/// The pattern behind a regular expression of a tokenizer.json; none when it is not a known one.
std::optional<WordPattern> known_pattern(std::string_view regex);

/// Appends the words of `text` in order; they point into it. @param text valid UTF-8
void split_words(std::string_view text, WordPattern pattern, std::vector<std::string_view>& words);

}  // namespace vragent::words
