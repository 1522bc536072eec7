// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Cuts a text into the words within which byte pairs are merged. The regular expressions of the
// published tokenizers are scanned by hand; each is named here and nothing else is understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vragent::text {

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

/// Each digit (any \p{N}) alone, or each run of them together; what lies between stays whole.
struct SplitDigits {
  bool individual = true;
};

/// Words between white space, each sign of punctuation alone (BERT).
struct SplitBertWords {};

/// One stage of a tokenizer.json's pre_tokenizer.
using SplitStep = std::variant<WordPattern, SplitDigits, SplitBertWords>;

/// Runs the stages one after the other on what the stage before left.
std::vector<std::string_view> split_in_steps(std::string_view text,
                                             const std::vector<SplitStep>& steps);

/// The printable character that stands for a byte in the vocabulary of a byte-level tokenizer:
/// itself for most printable ones, U+0100 and on for the rest.
std::string byte_symbol(std::uint8_t byte);

/// The bytes behind a token written in byte symbols; none when a character is no byte symbol.
std::optional<std::string> bytes_of_symbols(std::string_view token);

}  // namespace vragent::text
