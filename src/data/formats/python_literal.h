// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Lines that Python printed: one dict literal each, as in the Steam data ({u'username': u'ann',
// 'hours': 12.3, 'early_access': False}). Read as Python 3 reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vragent::data::formats {

/// One member of a dict: its key and its value as written ("u'ann'", "12.3", "[1, {'a': 2}]").
struct PythonMember {
  std::string key;
  std::string_view value;  ///< part of the line
};

/// Members of a line that is one dict literal with strings as keys. Values are strings, numbers,
/// True, False, None, and lists, tuples and dicts of such.
/// @throws DataError "<where>: column N: ..." when the line is no such literal
std::vector<PythonMember> python_members(std::string_view line, const std::string& where);

/// A value as text: a string decoded to UTF-8, a number as written, True or False; none for None
/// and for what has parts.
/// @throws DataError on an escape that stands for no character
std::optional<std::string> python_text(std::string_view value, const std::string& where);

}  // namespace vragent::data::formats
