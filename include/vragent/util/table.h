// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A table of results: aligned text, Markdown, or JSON for machines.
#pragma once

#include <string>
#include <vector>

namespace vragent {

/// Cells are text; a column is right-aligned when all its cells start with a digit, a sign or a
/// dot.
struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< each as long as columns
  std::vector<std::string> notes;              ///< lines printed below
};

/// Aligned columns for a terminal.
std::string to_text(const Table& table);

/// A Markdown table; pipes in cells are escaped.
std::string to_markdown(const Table& table);

/// {"title", "columns", "rows": [{column: cell}], "notes"}; cells that are numbers become JSON
/// numbers.
std::string to_json(const Table& table);

/// One JSON array of several tables.
std::string to_json(const std::vector<Table>& tables);

/// Number of terminal columns that UTF-8 text takes, one a code point.
std::size_t display_width(const std::string& text);

}  // namespace vragent
