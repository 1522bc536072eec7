// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/pre_tokenizer.h"

#include <algorithm>

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

enum class Role { kInner, kAlone, kDrop };

/// Cuts at characters for which role_of(code) is kDrop, and around those for which it is kAlone.
template <class RoleOf>
void cut_at(std::string_view text, std::vector<std::string_view>& words, RoleOf role_of) {
  std::size_t begin = 0;
  const auto end_word = [&](std::size_t end) {
    if (end > begin) words.push_back(text.substr(begin, end - begin));
  };
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    if (const Role role = role_of(next.code); role != Role::kInner) {
      end_word(i);
      begin = i + next.size;
      if (role == Role::kAlone) words.push_back(text.substr(i, next.size));
    }
    i += next.size;
  }
  end_word(text.size());
}

Role drop_space(char32_t code) {
  return char_class(code) == CharClass::kSpace ? Role::kDrop : Role::kInner;
}

Role isolate_punctuation(char32_t code) {
  return is_bert_punctuation(code) ? Role::kAlone : Role::kInner;
}

Role bert_role(char32_t code) {
  return is_bert_punctuation(code) ? Role::kAlone : drop_space(code);
}

void cut_word_chars(std::string_view text, std::vector<std::string_view>& words) {
  enum class Kind { kWord, kSign, kSpace };
  const auto kind_of = [](char32_t code) {
    if (is_word_char(code)) return Kind::kWord;
    return char_class(code) == CharClass::kSpace ? Kind::kSpace : Kind::kSign;
  };
  std::size_t begin = 0;
  Kind kind = Kind::kSpace;
  const auto end_word = [&](std::size_t end) {
    if (kind != Kind::kSpace && end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end;
  };
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    const Kind next_kind = kind_of(next.code);
    if (next_kind != kind) end_word(i);
    kind = next_kind;
    i += next.size;
  }
  end_word(text.size());
}

void cut_before_marks(std::string_view text,
                      std::string_view mark,
                      std::vector<std::string_view>& words) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(mark, mark.size()), text.size());
    const std::size_t size = text.starts_with(mark) ? end : std::min(text.find(mark), text.size());
    words.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
}

struct RunStep {
  std::string_view text;
  std::vector<std::string_view>& words;

  void operator()(WordPattern pattern) { split_words(text, pattern, words); }

  void operator()(const SplitDigits& step) { cut_digits(text, step.individual, words); }

  void operator()(SplitBertWords /*step*/) { cut_at(text, words, bert_role); }

  void operator()(SplitPunctuation /*step*/) { cut_at(text, words, isolate_punctuation); }

  void operator()(SplitAtSpace /*step*/) { cut_at(text, words, drop_space); }

  void operator()(SplitWordChars /*step*/) { cut_word_chars(text, words); }

  void operator()(const Metaspace& /*step*/) { words.push_back(text); }  // see mark_spaces()
};

/// Most bytes that the pieces have once their spaces are marks.
std::size_t marked_size(const Metaspace& step, std::span<const std::string_view> pieces) {
  std::size_t size = 0;
  for (const std::string_view piece : pieces) {
    const auto spaces = static_cast<std::size_t>(std::count(piece.begin(), piece.end(), ' '));
    size += piece.size() + (spaces + 1) * step.mark.size();
  }
  return size;
}

}  // namespace

void WordCutter::mark_spaces(const Metaspace& step, std::string_view text, bool at_start) {
  marked_.swap(marked_before_);
  marked_.clear();
  marked_.reserve(marked_size(step, before_));  // the pieces point into it: it must not move
  for (const std::string_view piece : before_) {
    const std::size_t begin = marked_.size();
    const bool is_first = at_start && piece.data() == text.data();
    const bool wanted = step.prepend == Metaspace::Prepend::kAlways ||
                        (step.prepend == Metaspace::Prepend::kFirst && is_first);
    if (wanted && !piece.starts_with(step.mark) && !piece.starts_with(' ')) marked_ += step.mark;
    for (const char c : piece) {
      if (c == ' ') marked_ += step.mark;
      if (c != ' ') marked_ += c;
    }
    const std::string_view marked = std::string_view(marked_).substr(begin);
    if (step.split) cut_before_marks(marked, step.mark, words_);
    if (!step.split) words_.push_back(marked);
  }
}

std::span<const std::string_view> WordCutter::cut(std::string_view text, bool at_start) {
  words_.clear();
  if (!text.empty()) words_.push_back(text);
  for (const SplitStep& step : steps_) {
    before_.swap(words_);
    words_.clear();
    if (const auto* metaspace = std::get_if<Metaspace>(&step)) {
      mark_spaces(*metaspace, text, at_start);
      continue;
    }
    for (const std::string_view piece : before_) std::visit(RunStep{piece, words_}, step);
  }
  return words_;
}

}  // namespace vragent::words
