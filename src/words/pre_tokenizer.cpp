// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/pre_tokenizer.h"

#include "vragent/words/unicode.h"

namespace vragent::words {
namespace {

void cut_digits(std::string_view text, bool individual, std::vector<std::string_view>& words) {
  std::size_t begin = 0;
  bool in_number = false;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    const bool number = char_class(next.code) == CharClass::kNumber;
    if (i > begin && (number != in_number || (number && individual))) {
      words.push_back(text.substr(begin, i - begin));
      begin = i;
    }
    in_number = number;
    i += next.size;
  }
  if (begin < text.size()) words.push_back(text.substr(begin));
}

void cut_bert(std::string_view text, std::vector<std::string_view>& words) {
  std::size_t begin = 0;
  const auto end_word = [&](std::size_t end) {
    if (end > begin) words.push_back(text.substr(begin, end - begin));
  };
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    const bool punctuation = is_bert_punctuation(next.code);
    if (punctuation || char_class(next.code) == CharClass::kSpace) {
      end_word(i);
      begin = i + next.size;
      if (punctuation) words.push_back(text.substr(i, next.size));
    }
    i += next.size;
  }
  end_word(text.size());
}

void run_step(std::string_view text, const SplitStep& step, std::vector<std::string_view>& words) {
  if (const auto* pattern = std::get_if<WordPattern>(&step)) {
    split_words(text, *pattern, words);
  } else if (const auto* digits = std::get_if<SplitDigits>(&step)) {
    cut_digits(text, digits->individual, words);
  } else {
    cut_bert(text, words);
  }
}

}  // namespace

std::vector<std::string_view> split_in_steps(std::string_view text,
                                             const std::vector<SplitStep>& steps) {
  std::vector<std::string_view> words;
  if (!text.empty()) words.push_back(text);
  std::vector<std::string_view> before;
  for (const SplitStep& step : steps) {
    before.swap(words);
    words.clear();
    for (const std::string_view piece : before) run_step(piece, step, words);
  }
  return words;
}

}  // namespace vragent::words
