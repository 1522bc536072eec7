// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/table.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "vragent/util/json.h"

namespace vragent {
namespace {

bool looks_numeric(const std::string& cell) {
  return cell.empty() || cell == "-" || cell.find_first_of("0123456789+-.") == 0;
}

std::string pad(const std::string& cell, std::size_t width, bool right) {
  const std::string space(width - std::min(width, display_width(cell)), ' ');
  return right ? space + cell : cell + space;
}

std::string escape_pipes(const std::string& cell) {
  std::string escaped;
  for (const char c : cell) {
    if (c == '|') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

struct Column {
  std::size_t width;
  bool right;
};

std::vector<Column> measure(const Table& table) {
  std::vector<Column> columns;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    Column column{display_width(table.columns[c]), !table.rows.empty()};
    for (const auto& row : table.rows) {
      column.width = std::max(column.width, display_width(row[c]));
      column.right = column.right && looks_numeric(row[c]);
    }
    columns.push_back(column);
  }
  return columns;
}

std::string text_line(const std::vector<std::string>& cells, const std::vector<Column>& columns) {
  std::string line;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (c > 0) line += "  ";
    line += pad(cells[c], columns[c].width, columns[c].right);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

OrderedJson cell_value(const std::string& cell) {
  char* end = nullptr;
  const double number = std::strtod(cell.c_str(), &end);
  const bool is_number = !cell.empty() && end == cell.c_str() + cell.size() && looks_numeric(cell);
  if (!is_number) return cell;
  const bool is_whole = cell.find_first_not_of("-0123456789") == std::string::npos;
  return is_whole && std::abs(number) < 0x1p53 ? OrderedJson(static_cast<std::int64_t>(number))
                                               : OrderedJson(number);
}

OrderedJson table_value(const Table& table) {
  OrderedJson rows = OrderedJson::array();
  for (const auto& row : table.rows) {
    OrderedJson object = OrderedJson::object();
    for (std::size_t c = 0; c < row.size(); ++c) object[table.columns[c]] = cell_value(row[c]);
    rows.push_back(object);
  }
  return {
      {"title", table.title}, {"columns", table.columns}, {"rows", rows}, {"notes", table.notes}};
}

}  // namespace

std::size_t display_width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string to_text(const Table& table) {
  const std::vector<Column> columns = measure(table);
  std::size_t width = 0;
  for (const Column& column : columns) width += column.width + 2;
  std::string text;
  if (!table.title.empty()) text += table.title + "\n";
  text += text_line(table.columns, columns);
  text += std::string(width < 2 ? 0 : width - 2, '-') + "\n";
  for (const auto& row : table.rows) text += text_line(row, columns);
  for (const std::string& note : table.notes) text += "  " + note + "\n";
  return text;
}

std::string to_markdown(const Table& table) {
  const std::vector<Column> columns = measure(table);
  std::string text;
  if (!table.title.empty()) text += "### " + table.title + "\n\n";
  text += "|";
  for (const std::string& name : table.columns) text += " " + escape_pipes(name) + " |";
  text += "\n|";
  for (const Column& column : columns) text += column.right ? " ---: |" : " --- |";
  text += "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (const std::string& cell : row) text += " " + escape_pipes(cell) + " |";
    text += "\n";
  }
  if (!table.notes.empty()) text += "\n";
  for (const std::string& note : table.notes) text += note + "  \n";
  return text;
}

std::string to_json(const Table& table) {
  return dump_json(table_value(table));
}

std::string to_json(const std::vector<Table>& tables) {
  OrderedJson list = OrderedJson::array();
  for (const Table& table : tables) list.push_back(table_value(table));
  return dump_json(list);
}

}  // namespace vragent
