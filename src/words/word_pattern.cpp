// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/word_pattern.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vragent/words/unicode.h"

namespace vragent::words {
namespace {

constexpr std::array<std::pair<std::string_view, WordPattern>, 6> kPatterns = {{
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     WordPattern::kGpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kQwen2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     WordPattern::kLlama3},
    {R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
     WordPattern::kClip},
    {R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+)",
     WordPattern::kClip},
    {R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)", WordPattern::kClip},
}};

/// A text seen as characters with a class; positions are byte offsets.
class Scanner {
 public:
  struct Char {
    CharClass kind;
    std::size_t size;
  };

  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end(std::size_t position) const { return position >= text_.size(); }

  [[nodiscard]] char byte(std::size_t position) const {
    return at_end(position) ? '\0' : text_[position];
  }

  [[nodiscard]] Char at(std::size_t position) const {
    const auto first = static_cast<unsigned char>(text_[position]);
    if (first < 0x80) return {char_class(first), 1};
    const Utf8Char next = read_utf8(text_, position);
    return {char_class(next.code), next.size};
  }

  [[nodiscard]] bool is(std::size_t position, CharClass kind) const {
    return !at_end(position) && at(position).kind == kind;
  }

  /// End of the run of one class that begins at `position`.
  [[nodiscard]] std::size_t run_end(std::size_t position, CharClass kind) const {
    while (!at_end(position)) {
      const Char next = at(position);
      if (next.kind != kind) break;
      position += next.size;
    }
    return position;
  }

  [[nodiscard]] bool has(std::size_t position, std::string_view piece) const {
    return text_.substr(std::min(position, text_.size())).starts_with(piece);
  }

 private:
  std::string_view text_;
};

char lower_ascii(char c) {
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

/// End of 's 't 're 've 'm 'll 'd at `position`, or `position`.
std::size_t contraction_end(const Scanner& text, std::size_t position, bool any_case) {
  if (text.byte(position) != '\'') return position;
  const auto letter = [&](std::size_t i) {
    return any_case ? lower_ascii(text.byte(position + i)) : text.byte(position + i);
  };
  const char first = letter(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return position + 2;
  if ((first == 'r' || first == 'v') && letter(2) == 'e') return position + 3;
  if (first == 'l' && letter(2) == 'l') return position + 3;
  // The long s is another case of s.
  if (any_case && text.has(position + 1, "\u017F")) return position + 3;
  return position;
}

/// End of white space that leaves its last character to the word behind it.
std::size_t space_before_word_end(const Scanner& text, std::size_t position) {
  std::size_t last = position;
  std::size_t end = position;
  while (text.is(end, CharClass::kSpace)) {
    last = end;
    end += text.at(end).size;
  }
  return text.at_end(end) || last == position ? end : last;
}

/// End of the last line feed in the white space at `position`, or `position`.
std::size_t line_end_in_space(const Scanner& text, std::size_t position) {
  std::size_t found = position;
  for (std::size_t i = position; text.is(i, CharClass::kSpace); i += text.at(i).size) {
    if (is_line_end(text.byte(i))) found = i + 1;
  }
  return found;
}

std::size_t gpt2_word_end(const Scanner& text, std::size_t position) {
  if (const auto end = contraction_end(text, position, false); end != position) return end;
  const std::size_t body = position + (text.byte(position) == ' ' ? 1 : 0);
  if (!text.at_end(body)) {
    const CharClass kind = text.at(body).kind;
    if (kind != CharClass::kSpace) return text.run_end(body, kind);
  }
  return space_before_word_end(text, position);
}

std::size_t digits_end(const Scanner& text, std::size_t position, int most) {
  for (int i = 0; i < most && text.is(position, CharClass::kNumber); ++i) {
    position += text.at(position).size;
  }
  return position;
}

std::size_t signs_end(const Scanner& text, std::size_t position) {
  position = text.run_end(position, CharClass::kOther);
  while (is_line_end(text.byte(position))) ++position;
  return position;
}

/// The patterns of Qwen2 and Llama 3, which differ in how many digits stay together.
std::size_t qwen2_word_end(const Scanner& text, std::size_t position, int most_digits) {
  if (const auto end = contraction_end(text, position, true); end != position) return end;
  const Scanner::Char first = text.at(position);
  const std::size_t second = position + first.size;
  switch (first.kind) {
    case CharClass::kLetter:
      return text.run_end(second, CharClass::kLetter);
    case CharClass::kNumber:
      return digits_end(text, position, most_digits);
    case CharClass::kOther:
      if (text.is(second, CharClass::kLetter)) return text.run_end(second, CharClass::kLetter);
      return signs_end(text, position);
    case CharClass::kSpace:
      break;
  }
  const char byte = text.byte(position);
  if (!is_line_end(byte) && text.is(second, CharClass::kLetter)) {
    return text.run_end(second, CharClass::kLetter);
  }
  if (byte == ' ' && text.is(second, CharClass::kOther)) return signs_end(text, second);
  if (const auto end = line_end_in_space(text, position); end != position) return end;
  return space_before_word_end(text, position);
}

/// @param position not at white space
std::size_t clip_word_end(const Scanner& text, std::size_t position) {
  for (const std::string_view token : {"<|startoftext|>", "<|endoftext|>"}) {
    if (text.has(position, token)) return position + token.size();
  }
  if (const auto end = contraction_end(text, position, false); end != position) return end;
  const Scanner::Char first = text.at(position);
  if (first.kind == CharClass::kNumber) return position + first.size;
  return text.run_end(position, first.kind);
}

template <class WordEnd>
void cut(std::string_view text, std::vector<std::string_view>& words, WordEnd word_end) {
  const Scanner scanner(text);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = word_end(scanner, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

void cut_clip(std::string_view text, std::vector<std::string_view>& words) {
  const Scanner scanner(text);
  for (std::size_t begin = 0;;) {
    begin = scanner.run_end(begin, CharClass::kSpace);
    if (scanner.at_end(begin)) return;
    const std::size_t end = clip_word_end(scanner, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace

std::optional<WordPattern> known_pattern(std::string_view regex) {
  for (const auto& [text, pattern] : kPatterns) {
    if (text == regex) return pattern;
  }
  return std::nullopt;
}

void split_words(std::string_view text, WordPattern pattern, std::vector<std::string_view>& words) {
  switch (pattern) {
    case WordPattern::kGpt2:
      return cut(text, words, gpt2_word_end);
    case WordPattern::kQwen2:
      return cut(
          text, words, [](const Scanner& s, std::size_t i) { return qwen2_word_end(s, i, 1); });
    case WordPattern::kLlama3:
      return cut(
          text, words, [](const Scanner& s, std::size_t i) { return qwen2_word_end(s, i, 3); });
    case WordPattern::kClip:
      return cut_clip(text, words);
  }
}

}  // namespace vragent::words
