// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/row_formats.h"

#include <algorithm>

#include "data/formats/columns.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::data::formats {
namespace {

/// How the rows of a format are written.
struct Layout {
  std::string_view separator;
  bool has_numeric_ids = false;
  Columns columns;
};

constexpr Columns kMovieLensColumns = {.user = 0, .item = 1, .rating = 2, .time = 3, .count = 4};

/// The layout; takes the header where the format has one.
Layout read_layout(LineWindow& lines, const std::string& format, const ReadConfig& config) {
  if (format == "movielens-1m" || format == "movielens-100k") {
    return {.separator = format == "movielens-1m" ? "::" : "\t",
            .has_numeric_ids = true,
            .columns = kMovieLensColumns};
  }
  const std::string_view separator = format == "csv" ? "," : "\t";
  std::string line;
  if (!lines.next_row(line)) throw DataError(lines.path().string() + ": no interactions in it");
  if (format == "recbole") {
    const auto header = parse_typed_header(line);
    if (!header) lines.fail("expected a header of name:type parts between tabs");
    return {.separator = separator,
            .columns = find_columns(header->names, config.columns, lines.where())};
  }
  RowCutter cutter(separator);
  const auto& fields = cutter.cut(line, [&] { return lines.where(); });
  return {.separator = separator,
          .columns = find_columns({fields.begin(), fields.end()}, config.columns, lines.where())};
}

void check_numeric(std::string_view id, const char* role, const LineWindow& lines) {
  if (parse_integer(id)) return;
  lines.fail(formatted("{} id \"{}\" is not a whole number", role, id));
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// Takes the next word between spaces and TABs away; "" at the end.
std::string_view take_word(std::string_view& text) {
  const auto begin = std::find_if_not(text.begin(), text.end(), is_space);
  const auto end = std::find_if(begin, text.end(), is_space);
  const std::string_view word(begin, end);
  text = std::string_view(end, text.end());
  return word;
}

}  // namespace

void check_has_ratings(bool has_ratings, const LineWindow& lines, const ReadConfig& config) {
  if (has_ratings || config.min_rating == 0) return;
  throw ConfigError(formatted("--min-rating: {} has no ratings", lines.path()));
}

void add_row(const RowText& row,
             const LineWindow& lines,
             const ReadConfig& config,
             EventTable& table) {
  if (row.user.empty()) lines.fail("the user is empty");
  if (row.item.empty()) lines.fail("the item is empty");
  double time = 0;
  if (row.time) {
    const auto parsed = parse_time(*row.time);
    if (!parsed) lines.fail(formatted("timestamp \"{}\" is no number and no date", *row.time));
    time = *parsed;
  }
  if (row.rating) {
    const auto rating = parse_number(*row.rating);
    if (!rating) lines.fail(formatted("rating \"{}\" is no number", *row.rating));
    if (config.min_rating != 0 && *rating < config.min_rating) return table.skip_low_rated();
  }
  const std::int64_t line = lines.line_number();
  table.add(table.add_user(row.user, line).first, row.item, time, line);
}

void read_rows(LineWindow& lines,
               const std::string& format,
               const ReadConfig& config,
               EventTable& table) {
  const Layout layout = read_layout(lines, format, config);
  const Columns& columns = layout.columns;
  check_has_ratings(columns.rating.has_value(), lines, config);
  RowCutter cutter(layout.separator);
  for (std::string line; lines.next_row(line);) {
    const auto& fields = cutter.cut(line, [&] { return lines.where(); });
    if (fields.size() != columns.count) {
      lines.fail(formatted("{} fields, expected {}", fields.size(), columns.count));
    }
    const auto field = [&](const std::optional<std::size_t>& column) {
      return column ? std::optional(fields[*column]) : std::nullopt;
    };
    if (layout.has_numeric_ids) {
      check_numeric(fields[columns.user], "user", lines);
      check_numeric(fields[columns.item], "item", lines);
    }
    add_row({.user = fields[columns.user],
             .item = fields[columns.item],
             .rating = field(columns.rating),
             .time = field(columns.time)},
            lines,
            config,
            table);
  }
}

void read_sequences(LineWindow& lines, const std::string& format, EventTable& table) {
  const bool has_tab = format == "microlens-tsv";
  for (std::string line; lines.next_row(line);) {
    const auto end = line.find_first_of(has_tab ? "\t" : " \t");
    if (end == 0 || (has_tab && end == std::string::npos)) {
      lines.fail(has_tab ? "expected \"user TAB item item ...\""
                         : "expected \"user item item ...\"");
    }
    const std::string_view user = std::string_view(line).substr(0, end);
    const auto [index, is_new] = table.add_user(user, lines.line_number());
    if (!is_new) lines.fail("user " + std::string(user) + " is there twice");
    std::string_view rest = std::string_view(line).substr(std::min(end, line.size()));
    std::string_view item = take_word(rest);
    if (item.empty()) lines.fail("user " + std::string(user) + " has no items");
    for (; !item.empty(); item = take_word(rest)) {
      table.add(index, item, 0, lines.line_number());
    }
  }
}

void read_pairs(LineWindow& lines, EventTable& table) {
  for (std::string line; lines.next_row(line);) {
    std::string_view rest = line;
    const std::string_view user = take_word(rest);
    const std::string_view item = take_word(rest);
    if (item.empty() || !trim(rest).empty()) lines.fail("expected \"user item\"");
    table.add(table.add_user(user, lines.line_number()).first, item, 0, lines.line_number());
  }
}

}  // namespace vragent::data::formats
