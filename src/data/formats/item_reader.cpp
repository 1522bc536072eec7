// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/formats/item_reader.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "data/formats/columns.h"
#include "data/formats/detection.h"
#include "data/formats/line_window.h"
#include "data/formats/python_literal.h"
#include "data/formats/title_lines.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"
#include "vragent/words/unicode.h"

namespace vragent::data::formats {
namespace {

constexpr std::ptrdiff_t kMovieLensPipes = 23;

/// Columns of ids and titles in a table with a header.
struct TitleColumns {
  std::size_t item = 0;
  std::size_t title = 0;
};

/// The columns, or none unless one is named like an item and one like a title.
std::optional<TitleColumns> find_title_columns(const std::vector<std::string>& names) {
  const auto item = std::find_if(names.begin(), names.end(), is_item_name);
  auto title = std::find_if(names.begin(), names.end(), is_title_name);
  if (title == names.end()) title = std::find_if(names.begin(), names.end(), is_called_name);
  if (item == names.end() || title == names.end()) return std::nullopt;
  return TitleColumns{.item = static_cast<std::size_t>(item - names.begin()),
                      .title = static_cast<std::size_t>(title - names.begin())};
}

TitleColumns atomic_columns(const TypedHeader& header, const std::string& where) {
  if (const auto named = find_title_columns(header.names)) return *named;
  const auto item = std::find_if(header.names.begin(), header.names.end(), is_item_name);
  const auto text = std::find(header.types.begin(), header.types.end(), "token_seq");
  if (item == header.names.end() || text == header.types.end()) {
    throw DataError(where + ": no column of items, or none that is a title or a token_seq");
  }
  return {.item = static_cast<std::size_t>(item - header.names.begin()),
          .title = static_cast<std::size_t>(text - header.types.begin())};
}

/// Rows of a table whose header has been taken.
Catalogue read_table(LineWindow& lines,
                     std::string_view separator,
                     std::size_t num_columns,
                     const TitleColumns& columns) {
  Catalogue catalogue;
  RowCutter cutter(separator);
  for (std::string line; lines.next_row(line);) {
    const auto& fields = cutter.cut(line, [&] { return lines.where(); });
    if (fields.size() != num_columns) {
      lines.fail(formatted("{} fields, the header has {}", fields.size(), num_columns));
    }
    catalogue.add({.id = std::string(fields[columns.item]),
                   .title = std::string(fields[columns.title]),
                   .caption = {}},
                  lines.where());
  }
  return catalogue;
}

/// Text that may be in Latin-1 as UTF-8.
std::string utf8_of(std::string_view text) {
  if (words::repaired_utf8(std::string(text)) == text) return std::string(text);
  std::string converted;
  for (const char c : text) words::append_utf8(converted, static_cast<unsigned char>(c));
  return converted;
}

/// movies.dat: the title stands between the first and the last separator. u.item: in field two.
Catalogue read_movielens(LineWindow& lines, std::string_view separator) {
  Catalogue catalogue;
  for (std::string line; lines.next_row(line);) {
    const std::string_view text = line;
    const auto first = text.find(separator);
    const auto begin = first + separator.size();
    const auto last = separator == "|" ? text.find(separator, begin) : text.rfind(separator);
    if (first == std::string_view::npos || last == std::string_view::npos || last < begin) {
      lines.fail(formatted("expected item{}title{}...", separator, separator));
    }
    catalogue.add({.id = std::string(trim(text.substr(0, first))),
                   .title = utf8_of(trim(text.substr(begin, last - begin))),
                   .caption = {}},
                  lines.where());
  }
  return catalogue;
}

/// A game of the Steam data; the id is empty when it has none.
Item parse_game(const std::string& line, const std::string& where) {
  Item item;
  const auto take = [&](const std::string& key, const std::optional<std::string>& text) {
    if (!text) return;
    if (key == "id") item.id = *text;
    if (key == "app_name" || (key == "title" && item.title.empty())) item.title = *text;
  };
  if (record_kind(line) == RecordKind::kPython) {
    for (const PythonMember& member : python_members(line, where)) {
      take(member.key, python_text(member.value, where));
    }
    return item;
  }
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  if (record.has("id")) item.id = record.id("id");
  item.title = record.text_or("app_name", record.text_or("title", ""));
  return item;
}

Catalogue read_games(LineWindow& lines) {
  Catalogue catalogue;
  std::int64_t num_left_out = 0;
  for (std::string line; lines.next_row(line);) {
    Item item = parse_game(line, lines.where());
    if (item.id.empty() || catalogue.find(item.id) != nullptr) {
      ++num_left_out;
    } else {
      catalogue.add(std::move(item), lines.where());
    }
  }
  if (num_left_out > 0) {
    log::warn("{}: {} games without an id of their own were left out", lines.path(), num_left_out);
  }
  return catalogue;
}

Catalogue read_jsonl(LineWindow& lines) {
  Catalogue catalogue;
  for (std::string line; lines.next_row(line);) {
    catalogue.add(parse_item(line, lines.where()), lines.where());
  }
  return catalogue;
}

/// Whether the first record is a game rather than an item of ours.
bool is_game(const std::string& line, const std::string& where) {
  if (record_kind(line) == RecordKind::kPython) return true;
  const Json object = parse_json_object(line, where);
  return !object.contains("item_id") && (object.contains("id") || object.contains("app_name"));
}

/// Whether a line begins with a number and the separator.
bool starts_with_number(std::string_view line, std::string_view separator) {
  const auto end = line.find(separator);
  return end != std::string_view::npos && parse_integer(trim(line.substr(0, end)));
}

/// The names of a header with three columns and more, or none.
std::optional<std::vector<std::string>> wide_header(std::string_view line,
                                                    std::string_view separator) {
  RowCutter cutter(separator);
  if (std::count(line.begin(), line.end(), '"') % 2 == 1) return std::nullopt;
  const auto& fields = cutter.cut(line, [] { return std::string("header"); });
  if (fields.size() < 3) return std::nullopt;
  return std::vector<std::string>(fields.begin(), fields.end());
}

Catalogue read_separated(LineWindow& lines, const std::string& first) {
  const auto separators = first.find_first_of("\t,");
  const bool has_tabs = separators != std::string::npos && first[separators] == '\t';
  const std::string_view separator = has_tabs ? "\t" : ",";
  if (const auto names = wide_header(first, separator)) {
    if (const auto columns = find_title_columns(*names)) {
      std::string header;
      lines.next_row(header);
      return read_table(lines, separator, names->size(), *columns);
    }
  }
  return read_titles(lines, separator.front());
}

Catalogue read_by_content(LineWindow& lines, const std::string& first, const std::string& where) {
  if (trim(first).starts_with('{')) {
    return is_game(first, where) ? read_games(lines) : read_jsonl(lines);
  }
  if (const auto header = parse_typed_header(first)) {
    std::string line;
    lines.next_row(line);
    return read_table(lines, "\t", header->names.size(), atomic_columns(*header, where));
  }
  if (starts_with_number(first, "::")) return read_movielens(lines, "::");
  const auto num_pipes = std::count(first.begin(), first.end(), '|');
  if (num_pipes == kMovieLensPipes && starts_with_number(first, "|")) {
    return read_movielens(lines, "|");
  }
  return read_separated(lines, first);
}

}  // namespace

Catalogue load_items(const std::filesystem::path& path) {
  LineWindow lines(path);
  std::size_t blank = 0;
  const std::string* first = lines.peek(0);
  while (first != nullptr && trim(*first).empty()) first = lines.peek(++blank);
  if (first == nullptr) throw DataError(path.string() + ": no items in it");
  const std::string line = *first;
  return read_by_content(lines, line, lines.where(static_cast<std::int64_t>(blank) + 1));
}

}  // namespace vragent::data::formats
