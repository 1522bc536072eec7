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

/// Base64 of any bytes (RFC 4648, with padding, no line breaks).
std::string base64(std::string_view bytes);

/// The bytes behind base64() text, or none when it is not that.
std::optional<std::string> from_base64(std::string_view text);

/// The whole text as a decimal number, or none.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// Each line with a line end behind it.
std::string joined_lines(const std::vector<std::string>& lines);

}  // namespace vragent
