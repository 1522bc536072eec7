// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "simulator/reply_fields.h"

#include <algorithm>
#include <array>
#include <set>

#include "vragent/util/text.h"

namespace vragent::simulator {
namespace {

constexpr std::array<std::string_view, 12> kMarks = {"\"",
                                                     "'",
                                                     "*",
                                                     "`",
                                                     "\u201C",
                                                     "\u201D",
                                                     "\u2018",
                                                     "\u2019",
                                                     "\u00AB",
                                                     "\u00BB",
                                                     "\u300C",
                                                     "\u300D"};
constexpr std::array<std::string_view, 2> kColons = {":", "\uFF1A"};
constexpr std::array<std::string_view, 10> kRefusals = {"i cannot",
                                                        "i can't",
                                                        "i can\u2019t",
                                                        "i'm sorry",
                                                        "i\u2019m sorry",
                                                        "i am sorry",
                                                        "i am unable",
                                                        "i'm unable",
                                                        "i\u2019m unable",
                                                        "as an ai"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U);
}

/// Skips "(2)", "2.", "-", "*", "#" and spaces at the start of a line.
std::string_view without_numbering(std::string_view line) {
  const auto start = line.find_first_not_of(" \t*-#>()[]0123456789.");
  return start == std::string_view::npos ? std::string_view() : line.substr(start);
}

/// What follows a label: its value behind a colon or "is"; nothing when neither is there.
std::optional<std::string_view> after_label(std::string_view rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '*' || rest.front() == '_' ||
                           rest.front() == '"')) {
    rest.remove_prefix(1);
  }
  const bool is_verb = ascii_lower(rest.substr(0, 3)) == "is ";
  if (is_verb) rest.remove_prefix(3);
  for (const std::string_view colon : kColons) {
    if (rest.starts_with(colon)) return trim(rest.substr(colon.size()));
  }
  return is_verb ? std::optional(trim(rest)) : std::nullopt;
}

/// Value behind the first label of one line.
std::optional<std::string_view> label_in_line(std::string_view line,
                                              std::initializer_list<std::string_view> labels,
                                              bool anywhere) {
  const std::string_view start = without_numbering(line);
  const std::string_view searched = anywhere ? line : start;
  const std::string lower = ascii_lower(searched);
  for (const std::string_view label : labels) {
    for (auto at = lower.find(label); at != std::string::npos; at = lower.find(label, at + 1)) {
      if (at > 0 && (!anywhere || is_word(lower[at - 1]))) continue;
      const auto value = after_label(searched.substr(at + label.size()));
      if (value) return value;
    }
  }
  return std::nullopt;
}

/// Letters A-Z that stand alone in a text that holds nothing else but "and" and "or".
std::optional<std::set<char>> lone_letters(std::string_view text) {
  std::set<char> letters;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    at = std::max(end, at + 1);
    if (word.empty() || word == "and" || word == "or") continue;
    if (word.size() != 1 || word.front() < 'A' || word.front() > 'Z') return std::nullopt;
    letters.insert(word.front());
  }
  return letters;
}

std::string_view without_noun(std::string_view value) {
  const std::string lower = ascii_lower(value);
  for (const std::string_view noun : {"option ", "candidate ", "choice ", "letter ", "video "}) {
    if (lower.starts_with(noun)) return trim(value.substr(noun.size()));
  }
  return value;
}

}  // namespace

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view strip_marks(std::string_view text) {
  for (bool changed = true; changed;) {
    changed = false;
    text = trim(text);
    for (const std::string_view mark : kMarks) {
      if (text.starts_with(mark)) {
        text.remove_prefix(mark.size());
        changed = true;
      }
      if (text.ends_with(mark)) {
        text.remove_suffix(mark.size());
        changed = true;
      }
    }
  }
  return text;
}

std::vector<std::string_view> filled_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) lines.push_back(trim(line));
  }
  return lines;
}

std::optional<std::string_view> labelled_value(std::string_view text,
                                               std::initializer_list<std::string_view> labels,
                                               bool anywhere) {
  std::optional<std::string_view> found;
  const auto lines = filled_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto value = label_in_line(lines[i], labels, anywhere);
    if (!value) continue;
    while (const auto nested = label_in_line(*value, labels, false)) value = nested;
    found = value->empty() && i + 1 < lines.size() ? lines[i + 1] : *value;
  }
  return found;
}

std::optional<std::string_view> second_field(std::string_view text) {
  for (const std::string_view mark : {"(2)", "\uFF082\uFF09"}) {
    const auto at = text.rfind(mark);
    if (at != std::string_view::npos) return trim(text.substr(at + mark.size()));
  }
  return std::nullopt;
}

LetterReading read_letter(std::string_view value) {
  LetterReading reading;
  value = without_noun(strip_marks(value));
  const auto letters = lone_letters(value);
  if (letters && letters->size() > 1) {
    reading.several = true;
    return reading;
  }
  const auto start = value.find_first_not_of("([{<# ");
  if (start == std::string_view::npos || !is_letter(value[start])) return reading;
  std::string_view rest = value.substr(start + 1);
  const char letter = value[start];
  if (!rest.empty() && is_word(rest.front())) return reading;
  reading.upper = letter >= 'A' && letter <= 'Z';
  constexpr std::string_view kDelimiters = " .):],;-*\"'`}>/|\n\t";
  reading.needs_title = rest.starts_with(' ') && trim(rest).find_first_of(").:],;-*\"'`/|(") != 0;
  const auto next = rest.find_first_not_of(kDelimiters);
  reading.rest = next == std::string_view::npos ? std::string_view() : rest.substr(next);
  if (!rest.empty() && next == 0) return {};  // "A'", "B+..." : no delimiter of ours
  reading.alone = reading.rest.empty() || (letters && letters->size() == 1);
  reading.needs_title = reading.needs_title && !reading.alone;
  if (!reading.upper && !reading.alone) return {};  // "a cat": an article
  reading.index = reading.upper ? letter - 'A' : letter - 'a';
  return reading;
}

bool is_refusal(std::string_view text) {
  const std::string lower = ascii_lower(text);
  return std::any_of(kRefusals.begin(), kRefusals.end(), [&](std::string_view phrase) {
    return lower.find(phrase) != std::string::npos;
  });
}

}  // namespace vragent::simulator
