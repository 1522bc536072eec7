// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/user_profile.h"

#include <algorithm>

#include "vragent/util/config.h"

namespace vragent::simulator {
namespace {

constexpr std::string_view kNoTitle = "(no title)";

/// Whether a byte begins a code point (UTF-8's continuation bytes do not).
bool begins_char(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

std::int64_t count_chars(std::string_view text) {
  return std::count_if(text.begin(), text.end(), begins_char);
}

/// White space and control characters of ASCII as single spaces, none at the ends.
std::string squeezed(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != 0x7F) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

/// Bytes of the first `count` code points.
std::size_t prefix_bytes(std::string_view text, std::int64_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (begins_char(text[at]) && count-- == 0) break;
  }
  return at;
}

std::string profile_line(const data::HistoryEntry& entry, const PromptConfig& config) {
  std::string line = "- " + shown_text(entry.title, entry.caption, config);
  const std::string comment = one_line(entry.comment, config.max_item_chars);
  if (!config.comments || comment.empty()) return line;
  return config.answer_form == "official" ? line + ", user comment: " + comment
                                          : line + " (user: " + comment + ")";
}

}  // namespace

void PromptConfig::check() const {
  check_one_of("item-text", item_text, {"caption", "title"});
  check_one_of("answer-form", answer_form, {"short", "official"});
  check_range("max-history", static_cast<double>(max_history), 0, 1e6);
  check_range("max-item-chars", static_cast<double>(max_item_chars), 8, 1e6);
  check_range("max-history-chars", static_cast<double>(max_history_chars), 0, 1e9);
}

std::string one_line(std::string_view text, std::int64_t max_chars) {
  constexpr std::string_view kCut = "...";
  std::string line = squeezed(text);
  if (count_chars(line) <= max_chars) return line;
  const auto room = std::max<std::int64_t>(max_chars - static_cast<std::int64_t>(kCut.size()), 1);
  const std::size_t limit = prefix_bytes(line, room);
  const auto space = line[limit] == ' ' ? limit : line.rfind(' ', limit);
  line.resize(space == std::string::npos ? limit : space);
  return line + std::string(kCut);
}

std::string shown_text(const std::string& title,
                       const std::string& caption,
                       const PromptConfig& config) {
  const bool use_caption = config.item_text == "caption" && !caption.empty();
  const std::string text = one_line(use_caption ? caption : title, config.max_item_chars);
  return text.empty() ? std::string(kNoTitle) : text;
}

std::vector<std::string> profile_lines(std::span<const data::HistoryEntry> history,
                                       const PromptConfig& config) {
  if (config.max_history > 0) {
    history = history.last(std::min(history.size(), static_cast<std::size_t>(config.max_history)));
  }
  std::vector<std::string> lines;
  std::int64_t used = 0;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    std::string line = profile_line(*entry, config);
    used += count_chars(line) + 1;
    if (config.max_history_chars > 0 && used > config.max_history_chars && !lines.empty()) break;
    lines.push_back(std::move(line));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

}  // namespace vragent::simulator
