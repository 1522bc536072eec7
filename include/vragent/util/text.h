// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Small cuts of text that every reader needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vragent {

/// Fields of one CSV line (RFC 4180 quotes; a line break inside quotes is not supported).
/// @param where "path:line" for the error. @throws DataError on an unclosed quote
std::vector<std::string> split_csv(std::string_view line, const std::string& where);

/// Parts of `text` between single `separator` characters.
std::vector<std::string_view> split(std::string_view text, char separator);

/// `text` without white space at both ends.
std::string_view trim(std::string_view text);

/// Number of words: what white space (ASCII) separates.
std::int64_t count_words(std::string_view text);

/// Base64 of any bytes (RFC 4648, with padding, no line breaks).
std::string base64(std::string_view bytes);

/// The bytes behind base64() text, or none when it is not that.
std::optional<std::string> from_base64(std::string_view text);

/// The whole text as a decimal number, or none.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// The whole text as a finite number ("3", "4.5", "1e9"), or none.
std::optional<double> parse_number(std::string_view text);

/// A point in time: a number as it stands, or a date with or without a time of day ("2017-12-17",
/// "2017-12-17 08:30:05.5", "2017-12-17T08:30Z"; UTC) as seconds since 1970; or none.
std::optional<double> parse_time(std::string_view text);

/// Each line with a line end behind it.
std::string joined_lines(const std::vector<std::string>& lines);

}  // namespace vragent
