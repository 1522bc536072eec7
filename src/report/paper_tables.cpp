// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/paper_tables.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "report/published_numbers.h"
#include "vragent/report/markup.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::report {
namespace {

const PublishedTable& find_published(int id) {
  for (const PublishedTable& table : kPublishedTables) {
    if (table.id == id) return table;
  }
  throw ConfigError(formatted("table {}: the paper has tables 1 to 6", id));
}

/// The fields of a line such as "SASRec | .0909 | .0517".
std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  for (const std::string_view field : split(line, '|')) fields.emplace_back(trim(field));
  return fields;
}

std::vector<std::vector<std::string>> rows_of(const PublishedTable& published) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string_view line : published.rows) rows.push_back(fields_of(line));
  return rows;
}

std::string title_of(const PublishedTable& published) {
  return formatted("Table {}: {}", published.id, published.title);
}

void check_values(const OwnRow& row, const std::vector<std::string>& columns) {
  std::set<std::string> seen;
  for (const OwnValue& value : row.values) {
    if (std::find(columns.begin(), columns.end(), value.column) == columns.end()) {
      throw DataError(formatted("row '{}': the table has no column '{}'", row.name, value.column));
    }
    if (!seen.insert(value.column).second) {
      throw DataError(formatted("row '{}': column '{}' is given twice", row.name, value.column));
    }
    if (!(value.value >= 0 && value.value <= 1)) {
      throw DataError(formatted("row '{}', column '{}': {} is no fraction of 0 to 1",
                                row.name,
                                value.column,
                                value.value));
    }
  }
}

void check_rows(const PublishedTable& published, std::span<const OwnRow> rows) {
  const std::vector<std::string> columns = published_columns(published.id);
  std::set<std::pair<std::string, std::string>> seen;
  for (const OwnRow& row : rows) {
    if (row.data.empty()) throw DataError(formatted("row '{}': its data is not named", row.name));
    if (row.protocol.empty()) {
      throw DataError(formatted("row '{}': its protocol is not named", row.name));
    }
    if (row.protocol != rows.front().protocol) {
      throw DataError(
          formatted("table {}: rows '{}' and '{}' were measured by different protocols ({}; {}) "
                    "and cannot stand in one table",
                    published.id,
                    rows.front().name,
                    row.name,
                    rows.front().protocol,
                    row.protocol));
    }
    if (!seen.emplace(row.name, row.data).second) {
      throw DataError(formatted("row '{}' on '{}' is given twice", row.name, row.data));
    }
    check_values(row, columns);
  }
}

std::string cell_of(const OwnValue& value, int digits) {
  std::string cell = value.interval ? fraction_text(value.value, *value.interval, digits)
                                    : fraction_text(value.value, digits);
  if (value.std) cell += " \xC2\xB1 " + fraction_text(*value.std, digits);
  return cell;
}

void append_own(MarkedTable& marked, const OwnRow& row, const PublishedTable& published) {
  const std::string runs = row.num_runs > 1 ? formatted(", n={}", row.num_runs) : "";
  std::vector<std::string> cells = {row.name, row.data + runs};
  for (const std::string& column : published_columns(published.id)) {
    const auto found = std::find_if(row.values.begin(),
                                    row.values.end(),
                                    [&](const OwnValue& value) { return value.column == column; });
    cells.push_back(found == row.values.end() ? "-" : cell_of(*found, published.digits));
  }
  marked.table.rows.push_back(std::move(cells));
  marked.kinds.push_back(row.is_control ? RowKind::kControl : RowKind::kOurs);
}

/// Title, columns and the note on the protocol; no rows yet.
MarkedTable empty_table(const PublishedTable& published, std::span<const OwnRow> rows) {
  check_rows(published, rows);
  MarkedTable marked{.table = {}, .kinds = {}, .second_below_first = true};
  marked.table.title = title_of(published);
  marked.table.columns = {"row", "data"};
  for (const std::string& column : published_columns(published.id)) {
    marked.table.columns.push_back(column);
  }
  if (!rows.empty()) marked.table.notes.push_back("Our rows: " + rows.front().protocol + ".");
  const bool averaged =
      std::any_of(rows.begin(), rows.end(), [](const OwnRow& row) { return row.num_runs > 1; });
  if (averaged) {
    marked.table.notes.emplace_back(
        "n: runs that differ in their seed; \xC2\xB1 is their sample standard deviation.");
  }
  return marked;
}

/// Appends our rows of the published names in the paper's order, each below its published row when
/// that is shown, then all others.
void append_rows(MarkedTable& marked,
                 const PublishedTable& published,
                 std::span<const OwnRow> rows,
                 bool with_published) {
  std::vector<bool> is_done(rows.size(), false);
  for (const std::vector<std::string>& printed : rows_of(published)) {
    if (with_published) {
      std::vector<std::string> cells = printed;
      cells.insert(cells.begin() + 1, "paper");
      marked.table.rows.push_back(std::move(cells));
      marked.kinds.push_back(RowKind::kPublished);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (is_done[i] || rows[i].name != printed.front()) continue;
      append_own(marked, rows[i], published);
      is_done[i] = true;
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!is_done[i]) append_own(marked, rows[i], published);
  }
}

}  // namespace

std::vector<std::string> published_columns(int id) {
  return fields_of(find_published(id).columns);
}

Table published_table(int id) {
  const PublishedTable& published = find_published(id);
  Table table;
  table.title = title_of(published);
  table.columns = published_columns(id);
  table.columns.insert(table.columns.begin(), "row");
  table.rows = rows_of(published);
  for (const std::string_view remark : published.remarks) table.notes.emplace_back(remark);
  return table;
}

MarkedTable beside_published(int id, std::span<const OwnRow> rows) {
  const PublishedTable& published = find_published(id);
  MarkedTable marked = empty_table(published, rows);
  append_rows(marked, published, rows, true);
  marked.table.notes.push_back(
      formatted("Rows marked \"paper\" are its authors' own, on {}. Numbers from different data "
                "cannot be compared with each other; look at order and distances only.",
                published.data));
  for (const std::string_view remark : published.remarks) marked.table.notes.emplace_back(remark);
  return marked;
}

MarkedTable own_table(int id, std::span<const OwnRow> rows) {
  const PublishedTable& published = find_published(id);
  MarkedTable marked = empty_table(published, rows);
  append_rows(marked, published, rows, false);
  return marked;
}

}  // namespace vragent::report
