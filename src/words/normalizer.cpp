// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/normalizer.h"

#include <algorithm>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::words {
namespace {

bool is_cjk(char32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
         (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

/// Calls use(character, its bytes) for each character.
template <class Use>
void for_each_char(std::string_view text, Use use) {
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    use(next.code, text.substr(i, next.size));
    i += next.size;
  }
}

std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for_each_char(text, [&](char32_t code, std::string_view bytes) {
    if (code == 0 || code == 0xFFFD || is_bert_control(code)) return;
    result += char_class(code) == CharClass::kSpace ? std::string_view(" ") : bytes;
  });
  return result;
}

std::string spaced_chinese(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for_each_char(text, [&](char32_t code, std::string_view bytes) {
    const bool chinese = is_cjk(code);
    if (chinese) result += ' ';
    result += bytes;
    if (chinese) result += ' ';
  });
  return result;
}

/// `text` without the characters for which leave_out(code) holds.
template <class LeaveOut>
std::string without(std::string_view text, LeaveOut leave_out) {
  std::string result;
  result.reserve(text.size());
  for_each_char(text, [&](char32_t code, std::string_view bytes) {
    if (!leave_out(code)) result += bytes;
  });
  return result;
}

std::string without_accents(std::string text) {
  if (is_ascii(text)) return text;
  return without(normal_form(std::move(text), NormalForm::kNfd), is_bert_mark);
}

/// Compatibility forms make at most 18 bytes of one; replacements that a real file asks for, few.
constexpr std::size_t kMostGrowth = 64;
constexpr std::size_t kMostBytesOfShortText = 1 << 16;

void check_growth(std::size_t bytes, std::size_t limit) {
  if (bytes > limit)
    throw DataError(
        formatted("the tokenizer's normalizer makes more than {} bytes of a text", limit));
}

/// Runs of at least two spaces replaced.
std::string with_single_blanks(std::string_view text, std::string_view content, std::size_t limit) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    check_growth(result.size(), limit);
    const std::size_t end = std::min(text.find_first_not_of(' ', i), text.size());
    if (end > i + 1) result += content;
    if (end <= i + 1) result += text[i];
    i = std::max(end, i + 1);
  }
  return result;
}

std::string_view stripped(std::string_view text, const StripSpace& step) {
  if (step.left) text.remove_prefix(space_end(text, 0));
  if (step.right) text = text.substr(0, trailing_space(text));
  return text;
}

struct RunStep {
  std::string text;
  std::size_t limit;  ///< bytes

  std::string operator()(NormalForm form) { return normal_form(std::move(text), form); }

  std::string operator()(LowerCase /*step*/) { return lower_case(std::move(text)); }

  std::string operator()(const ReplaceSpace& step) {
    std::string result;
    result.reserve(text.size());
    bool in_space = false;
    for_each_char(text, [&](char32_t code, std::string_view bytes) {
      const bool space = char_class(code) == CharClass::kSpace;
      if (!space) result += bytes;
      if (space && !in_space) result += step.content;
      check_growth(result.size(), limit);
      in_space = space;
    });
    return result;
  }

  std::string operator()(const ReplaceBlanks& step) {
    return with_single_blanks(text, step.content, limit);
  }

  std::string operator()(const Prepend& step) {
    return text.empty() ? std::move(text) : step.content + text;
  }

  std::string operator()(const StripSpace& step) { return std::string(stripped(text, step)); }

  std::string operator()(StripAccents /*step*/) { return without(text, is_combining_mark); }

  std::string operator()(const Charsmap& map) { return map.apply(text); }

  std::string operator()(const ReplaceText& step) {
    std::string result;
    std::size_t begin = 0;
    for (std::size_t found; (found = text.find(step.pattern, begin)) != std::string::npos;) {
      result.append(text, begin, found - begin).append(step.content);
      begin = found + step.pattern.size();
      check_growth(result.size(), limit);
    }
    return result.append(text, begin);
  }

  std::string operator()(const BertNormalization& step) {
    if (step.clean_text) text = clean(text);
    if (step.space_around_chinese && !is_ascii(text)) text = spaced_chinese(text);
    if (step.strip_accents) text = without_accents(std::move(text));
    return step.lower_case ? lower_case(std::move(text)) : std::move(text);
  }
};

}  // namespace

std::string normalize(std::string text, const std::vector<NormalizerStep>& steps) {
  const std::size_t limit = std::max(kMostBytesOfShortText, kMostGrowth * text.size());
  for (const NormalizerStep& step : steps) {
    text = std::visit(RunStep{std::move(text), limit}, step);
    check_growth(text.size(), limit);
  }
  return text;
}

}  // namespace vragent::words
