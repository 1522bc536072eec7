// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/space_marks.h"

#include <charconv>
#include <optional>

namespace vragent::words {
namespace {

std::optional<char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

std::string decode_marked(std::string_view token, const SpaceMarks& marks, bool is_first) {
  if (marks.byte_tokens) {
    if (const auto byte = byte_of_token(token)) return {*byte};
  }
  std::string text;
  const bool drop = is_first && marks.first == SpaceMarks::First::kDropAll;
  for (std::size_t begin = 0; begin < token.size();) {
    const std::size_t found = token.find(marks.mark, begin);
    text += token.substr(begin, found - begin);
    if (found == std::string_view::npos) break;
    if (!drop) text += ' ';
    begin = found + marks.mark.size();
  }
  if (is_first && marks.first == SpaceMarks::First::kDropOne && text.starts_with(' ')) {
    text.erase(0, 1);
  }
  return text;
}

std::string byte_token(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4U] + kDigits[byte & 15U] + ">";
}

}  // namespace vragent::words
