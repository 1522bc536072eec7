// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/tables/table_values.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace vragent::report::runs {
namespace {

const OwnValue* find_value(const OwnRow& row, const std::string& column) {
  const auto found = std::find_if(row.values.begin(), row.values.end(), [&](const OwnValue& value) {
    return value.column == column;
  });
  return found == row.values.end() ? nullptr : &*found;
}

OrderedJson value_object(const OwnValue& value) {
  OrderedJson object = {{"value", value.value}};
  if (value.std) object["std"] = *value.std;
  if (value.interval) {
    object["low"] = value.interval->low;
    object["high"] = value.interval->high;
  }
  return object;
}

OrderedJson own_object(const OwnRow& row) {
  OrderedJson values = OrderedJson::object();
  for (const OwnValue& value : row.values) values[value.column] = value_object(value);
  return {{"name", row.name},
          {"kind", row.is_control ? "control" : "ours"},
          {"data", row.data},
          {"num_runs", row.num_runs},
          {"values", values}};
}

OrderedJson published_objects(int id) {
  const Table published = published_table(id);
  OrderedJson rows = OrderedJson::array();
  for (const auto& cells : published.rows) {
    OrderedJson values = OrderedJson::object();
    for (std::size_t c = 1; c < cells.size(); ++c) {
      if (cells[c] == "-") continue;
      values[published.columns[c]] = {{"value", std::strtod(cells[c].c_str(), nullptr)}};
    }
    rows.push_back({{"name", cells[0]}, {"kind", "paper"}, {"values", values}});
  }
  return rows;
}

}  // namespace

OwnRow average_of(const std::vector<OwnRow>& rows) {
  OwnRow average = rows.front();
  if (rows.size() == 1) return average;
  average.num_runs = std::ssize(rows);
  average.values.clear();
  for (const OwnValue& first : rows.front().values) {
    std::vector<double> values;
    for (const OwnRow& row : rows) {
      if (const OwnValue* value = find_value(row, first.column)) values.push_back(value->value);
    }
    if (values.size() != rows.size()) continue;
    const metrics::MeanStd summary = metrics::mean_std(values);
    average.values.push_back({first.column, summary.mean, std::nullopt, summary.std});
  }
  return average;
}

OrderedJson table_object(const RunTable& table) {
  const int id = static_cast<int>(table.id);
  OrderedJson rows = table.has_published ? published_objects(id) : OrderedJson::array();
  for (const OwnRow& row : table.rows) rows.push_back(own_object(row));
  return {{"id", table.id},
          {"title", table.marked.table.title},
          {"columns", published_columns(id)},
          {"protocol", table.rows.empty() ? "" : table.rows.front().protocol},
          {"rows", rows},
          {"notes", table.marked.table.notes}};
}

Table plain_table(const RunTable& table) {
  Table plain = table.marked.table;
  for (std::size_t r = 0; r < plain.rows.size(); ++r) {
    if (table.marked.kinds[r] == RowKind::kControl) plain.rows[r][0] += " (control)";
  }
  return plain;
}

std::string table_json(const RunTable& table) {
  return table_object(table).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace vragent::report::runs
