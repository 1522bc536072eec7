// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Small readings of a model's answer field: labels such as "Prediction:", quotes and marks around a
// value, letters of candidates, refusals.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vragent::simulator {

/// ASCII lower case; other bytes stay.
std::string ascii_lower(std::string_view text);

/// Without white space, quotes (straight, typographic, unbalanced), asterisks and backticks at both
/// ends.
std::string_view strip_marks(std::string_view text);

/// Lines that hold more than white space, trimmed.
std::vector<std::string_view> filled_lines(std::string_view text);

/// Value of the last line that has one of `labels` (lower case) followed by a colon or "is": the
/// rest of that line, or the next filled line when nothing is left. Labels repeated inside the
/// value are stripped.
/// @param anywhere the label may stand behind other text of its line, else only at its start
///   (numbering and list marks aside)
std::optional<std::string_view> labelled_value(std::string_view text,
                                               std::initializer_list<std::string_view> labels,
                                               bool anywhere);

/// Text behind the last "(2)" (or its full-width form), if there is one.
std::optional<std::string_view> second_field(std::string_view text);

/// What a value says as a letter.
struct LetterReading {
  std::optional<std::int64_t> index;  ///< 0 for A; may lie beyond the candidates
  bool several = false;               ///< different letters and nothing else
  bool alone = false;                 ///< nothing but the letter
  bool upper = false;
  bool needs_title = false;  ///< only a space follows ("A cat video"): a letter if the title agrees
  std::string_view rest;     ///< behind the letter and its delimiters
};

/// Reads "B", "(B)", "B.", "option B", "B: TITLE", "B TITLE"; "A, C" and "A or B" are several.
LetterReading read_letter(std::string_view value);

/// Whether the text declines to answer.
bool is_refusal(std::string_view text);

}  // namespace vragent::simulator
