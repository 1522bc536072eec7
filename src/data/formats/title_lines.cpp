// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "data/formats/title_lines.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "data/formats/columns.h"
#include "vragent/util/text.h"

namespace vragent::data::formats {
namespace {

// A title may break its line inside quotes, but a stray quote must not swallow the file.
constexpr std::size_t kMaxTitleLines = 20;

/// Whether a field that starts with a quote is still open at the end of `text`.
bool is_open_quote(std::string_view text) {
  return text.starts_with('"') && std::count(text.begin(), text.end(), '"') % 2 == 1;
}

/// A field as CSV writes it: the text inside its quotes, or the text as it stands.
std::string unquote(std::string_view field) {
  if (field.size() < 2 || !field.starts_with('"') || !field.ends_with('"')) {
    return std::string(field);
  }
  const std::string_view inside = field.substr(1, field.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '"') {
      // A lone quote: the field is not CSV-quoted, its quotes are part of the title.
      if (i + 1 == inside.size() || inside[i + 1] != '"') return std::string(field);
      ++i;
    }
    text += inside[i];
  }
  return text;
}

/// Whether a line starts a record like the one before it: the same kind of id, then a separator.
bool starts_record(std::string_view line, char separator, std::string_view previous_id) {
  const auto end = line.find(separator);
  if (end == std::string_view::npos || end == 0) return false;
  const std::string_view id = trim(line.substr(0, end));
  return parse_integer(previous_id) ? parse_integer(id).has_value()
                                    : id.find(' ') == std::string_view::npos;
}

/// Joins and takes the further lines of a title that breaks inside its quotes. A quote that never
/// closes is a character of the title.
void finish_title(LineWindow& lines, char separator, Item& item) {
  std::string joined = item.title;
  for (std::size_t count = 0; is_open_quote(joined); ++count) {
    const std::string* line = count + 1 < kMaxTitleLines ? lines.peek(count) : nullptr;
    if (line == nullptr || starts_record(*line, separator, item.id)) return;
    joined += '\n' + *line;
    if (is_open_quote(joined)) continue;
    item.title = joined;
    for (std::size_t taken = 0; taken <= count; ++taken) lines.next(joined);
    return;
  }
}

}  // namespace

Catalogue read_titles(LineWindow& lines, char separator) {
  Catalogue catalogue;
  bool first = true;
  for (std::string line; lines.next(line);) {
    if (trim(line).empty()) continue;
    const auto end = line.find(separator);
    const std::string id = unquote(trim(std::string_view(line).substr(0, end)));
    if (std::exchange(first, false) && is_item_name(id)) continue;
    if (end == std::string::npos) {
      lines.fail(separator == ',' ? "expected \"item,title\", found no comma"
                                  : "expected \"item TAB title\", found no tab");
    }
    if (id.find('\0') != std::string::npos) lines.fail("a NUL byte in the item id");
    const std::string where = lines.where();
    Item item{.id = id, .title = line.substr(end + 1), .caption = {}};
    finish_title(lines, separator, item);
    item.title = unquote(item.title);
    catalogue.add(std::move(item), where);
  }
  return catalogue;
}

}  // namespace vragent::data::formats
