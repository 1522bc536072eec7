// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The numbers of Tables 1 to 6, digit for digit as the paper prints them, and what is known about
// doubtful ones.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace vragent::report {

/// Rows are lines of fields between '|': the row's name, then one number a column ("-" where the
/// paper has none).
struct PublishedTable {
  int id = 0;
  std::string_view title;
  std::string_view data;     ///< what the authors measured on
  std::string_view columns;  ///< names of the number columns between '|'
  int digits = 0;            ///< decimals of its numbers
  std::span<const std::string_view> rows;
  std::span<const std::string_view> remarks;
};

extern const std::array<PublishedTable, 6> kPublishedTables;

}  // namespace vragent::report
