// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Lines of interactions: tables (csv, tsv, RecBole's atomic files, MovieLens), pairs and sequences.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/formats/event_table.h"
#include "data/formats/line_window.h"
#include "vragent/data/formats/interaction_reader.h"

namespace vragent::data::formats {

/// Reads all rows of a table into `table`. @param format csv, tsv, recbole, movielens-1m or
/// movielens-100k. @throws DataError with path:line, ConfigError
void read_rows(LineWindow& lines,
               const std::string& format,
               const ReadConfig& config,
               EventTable& table);

/// Reads "user item item ..." lines, oldest first. @param format microlens-tsv (a TAB behind the
/// user) or sequences (spaces). @throws DataError with path:line
void read_sequences(LineWindow& lines, const std::string& format, EventTable& table);

/// Reads "user item" lines, oldest first. @throws DataError with path:line
void read_pairs(LineWindow& lines, EventTable& table);

/// One interaction as text; rating and time are empty where the format has none.
struct RowText {
  std::string_view user;
  std::string_view item;
  std::optional<std::string_view> rating;
  std::optional<std::string_view> time;
};

/// Checks a row and appends it, unless its rating leaves it out. @throws DataError with path:line
void add_row(const RowText& row,
             const LineWindow& lines,
             const ReadConfig& config,
             EventTable& table);

/// @throws ConfigError when ratings are wanted and there are none
void check_has_ratings(bool has_ratings, const LineWindow& lines, const ReadConfig& config);

}  // namespace vragent::data::formats
