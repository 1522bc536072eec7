// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/python_literal.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"
#include "vragent/words/unicode.h"

namespace vragent::data::formats {
namespace {

constexpr int kMaxDepth = 64;

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '.' || c == '+' || c == '-';
}

bool is_number(std::string_view word) {
  if (word.ends_with('L') || word.ends_with('l')) word.remove_suffix(1);  // Python 2's long
  if (word.starts_with('+')) word.remove_prefix(1);
  return parse_number(word).has_value();
}

/// Walks over the values of one line.
class Scanner {
 public:
  Scanner(std::string_view line, const std::string& where) : line_(line), where_(where) {}

  std::vector<PythonMember> members() {
    std::vector<PythonMember> found;
    skip_space();
    if (!take('{')) fail("expected a dict, {'key': value, ...}");
    for (skip_space(); !take('}'); skip_space()) {
      const std::string_view key = value(0);
      skip_space();
      if (!take(':')) fail("expected a colon behind the key");
      skip_space();
      const auto name =
          key.ends_with('\'') || key.ends_with('"') ? python_text(key, where_) : std::nullopt;
      if (!name) fail("expected a string as key");
      found.push_back({*name, value(0)});
      take_comma('}');
    }
    skip_space();
    if (at_ < line_.size()) fail("more text behind the dict");
    return found;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw DataError(formatted("{}: column {}: {}", where_, at_ + 1, problem));
  }

  [[nodiscard]] char here() const { return at_ < line_.size() ? line_[at_] : '\0'; }

  bool take(char expected) {
    if (here() != expected || at_ >= line_.size()) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (here() == ' ' || here() == '\t' || here() == '\r') ++at_;
  }

  /// A comma, or nothing in front of the end.
  void take_comma(char end) {
    skip_space();
    if (!take(',') && here() != end) fail(formatted("expected a comma or {}", std::string(1, end)));
  }

  /// Any value, as written.
  std::string_view value(int depth) {
    if (depth > kMaxDepth) fail("nested too deeply");
    const std::size_t begin = at_;
    const char c = here();
    const char following = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
    const bool has_prefix = (c == 'u' || c == 'U') && (following == '\'' || following == '"');
    if (has_prefix) ++at_;
    if (here() == '\'' || here() == '"') {
      string();
    } else if (c == '{' || c == '[' || c == '(') {
      parts(depth);
    } else {
      word();
    }
    return line_.substr(begin, at_ - begin);
  }

  void string() {
    const char quote = line_[at_++];
    while (at_ < line_.size() && line_[at_] != quote) at_ += line_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_, line_.size());
    if (!take(quote)) fail("a string is never closed: the line is cut");
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < line_.size() && is_word(line_[at_])) ++at_;
    const std::string_view text = line_.substr(begin, at_ - begin);
    if (text == "True" || text == "False" || text == "None" || is_number(text)) return;
    at_ = begin;
    fail("expected a string, a number, True, False, None, a list or a dict");
  }

  void parts(int depth) {
    const char open = line_[at_++];
    const char end = open == '{' ? '}' : open == '[' ? ']' : ')';
    for (skip_space(); !take(end); skip_space()) {
      value(depth + 1);
      skip_space();
      if (open == '{') {
        if (!take(':')) fail("expected a colon behind the key");
        skip_space();
        value(depth + 1);
      }
      take_comma(end);
    }
  }

  std::string_view line_;
  const std::string& where_;
  std::size_t at_ = 0;
};

/// Decodes the escapes of a string's inside.
class Decoder {
 public:
  Decoder(std::string_view inside, const std::string& where) : inside_(inside), where_(where) {}

  std::string text() {
    while (at_ < inside_.size()) {
      const std::size_t next = std::min(inside_.find('\\', at_), inside_.size());
      text_.append(inside_, at_, next - at_);
      at_ = next;
      if (at_ < inside_.size()) escape();
    }
    return std::move(text_);
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError(
        formatted("{}: the escape {} stands for no character", where_, inside_.substr(at_, 10)));
  }

  /// The number that `count` digits behind the escape's letter write.
  char32_t digits(std::size_t begin, std::size_t count, int base) {
    const std::string_view text = inside_.substr(std::min(begin, inside_.size()), count);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, base);
    if (text.size() != count || error != std::errc() || end != text.data() + count) fail();
    return code;
  }

  void append(char32_t code, std::size_t size) {
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) fail();
    words::append_utf8(text_, code);
    at_ += size;
  }

  /// A backslash, u and four digits; two surrogates that follow each other are one character, as
  /// narrow Python 2 wrote it.
  void short_code() {
    const char32_t high = digits(at_ + 2, 4, 16);
    if (high < 0xD800 || high >= 0xDC00) return append(high, 6);
    if (inside_.substr(at_ + 6, 2) != "\\u") fail();
    const char32_t low = digits(at_ + 8, 4, 16);
    if (low < 0xDC00 || low >= 0xE000) fail();
    append(0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00), 12);
  }

  void escape() {
    constexpr std::string_view kLetters = "abfnrtv\\'\"";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    const char letter = at_ + 1 < inside_.size() ? inside_[at_ + 1] : '\0';
    const std::size_t known = kLetters.find(letter);
    if (letter == '\0' || letter == 'N') fail();  // names of characters are not known here
    if (known != std::string_view::npos) return append(static_cast<char32_t>(kMeanings[known]), 2);
    if (letter == 'x') return append(digits(at_ + 2, 2, 16), 4);
    if (letter == 'u') return short_code();
    if (letter == 'U') return append(digits(at_ + 2, 8, 16), 10);
    if (letter >= '0' && letter <= '7') return octal();
    text_ += '\\';  // an unknown escape stays as it is
    ++at_;
  }

  void octal() {
    std::size_t count = 1;
    while (count < 3 && at_ + 1 + count < inside_.size() && inside_[at_ + 1 + count] >= '0' &&
           inside_[at_ + 1 + count] <= '7') {
      ++count;
    }
    append(digits(at_ + 1, count, 8), 1 + count);
  }

  std::string_view inside_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::string text_;
};

}  // namespace

std::vector<PythonMember> python_members(std::string_view line, const std::string& where) {
  return Scanner(line, where).members();
}

std::optional<std::string> python_text(std::string_view value, const std::string& where) {
  if (value.starts_with('u') || value.starts_with('U')) value.remove_prefix(1);
  if (value.empty() || value == "None" || value.find_first_of("{[(") == 0) return std::nullopt;
  if (value[0] != '\'' && value[0] != '"') {
    return std::string(value.substr(0, value.find_last_not_of("lL") + 1));
  }
  return Decoder(value.substr(1, value.size() - 2), where).text();
}

}  // namespace vragent::data::formats
