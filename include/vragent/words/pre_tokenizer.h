// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Cuts a text into the words that a tokenizer's model gets one by one: the stages of a
// tokenizer.json's pre_tokenizer.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "vragent/words/word_pattern.h"

namespace vragent::words {

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

}  // namespace vragent::words
