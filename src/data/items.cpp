// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/items.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::data {
namespace {

// A title may break its line inside quotes, but a stray quote must not swallow the file.
constexpr std::size_t kMaxTitleLines = 20;

bool is_header(std::string_view id) {
  std::string lower(trim(id));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return lower == "item" || lower == "item_id" || lower == "\"item\"" || lower == "\"item_id\"";
}

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

/// The file's lines, so that a quoted title can be looked for its end before it is taken.
std::vector<std::string> read_lines(const std::filesystem::path& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) lines.push_back(line);
  return lines;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isdigit(c) != 0;
  });
}

/// Whether a line starts a record like the one before it: the same kind of id, then a comma.
bool starts_record(std::string_view line, std::string_view previous_id) {
  const auto comma = line.find(',');
  if (comma == std::string_view::npos || comma == 0) return false;
  const std::string_view id = trim(line.substr(0, comma));
  return is_number(previous_id) ? is_number(id) : id.find(' ') == std::string_view::npos;
}

/// Line after the record that starts at `line` with this title; joins the lines of a title that
/// breaks inside its quotes. A quote that never closes is a character of the title.
std::size_t finish_title(const std::vector<std::string>& lines,
                         std::size_t line,
                         std::string_view id,
                         std::string& title) {
  std::string joined = title;
  for (std::size_t end = line + 1; is_open_quote(joined); ++end) {
    const bool stray =
        end == lines.size() || end == line + kMaxTitleLines || starts_record(lines[end], id);
    if (stray) return line + 1;
    joined += '\n' + lines[end];
    if (is_open_quote(joined)) continue;
    title = joined;
    return end + 1;
  }
  return line + 1;
}

Catalogue read_csv(const std::vector<std::string>& lines, const std::string& path) {
  Catalogue catalogue;
  bool first = true;
  for (std::size_t i = 0; i < lines.size();) {
    const std::string where = formatted("{}:{}", path, i + 1);
    const std::string_view line = lines[i];
    const auto comma = line.find(',');
    if (trim(line).empty() || (std::exchange(first, false) && is_header(line.substr(0, comma)))) {
      ++i;
      continue;
    }
    if (comma == std::string_view::npos) {
      throw DataError(where + ": expected \"item,title\", found no comma");
    }
    Item item{.id = unquote(trim(line.substr(0, comma))), .title = {}, .caption = {}};
    std::string title(line.substr(comma + 1));
    i = finish_title(lines, i, item.id, title);
    item.title = unquote(title);
    catalogue.add(std::move(item), where);
  }
  return catalogue;
}

/// Item of one captions.jsonl row (or of any object with item_id and title).
Item parse_item(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  Item item{.id = record.id("item_id"), .title = record.text_or("title", ""), .caption = {}};
  if (record.text_or("status", "ok") == "ok") item.caption = record.text_or("caption", "");
  return item;
}

Catalogue read_jsonl(const std::vector<std::string>& lines, const std::string& path) {
  Catalogue catalogue;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string where = formatted("{}:{}", path, i + 1);
    if (!trim(lines[i]).empty()) catalogue.add(parse_item(lines[i], where), where);
  }
  return catalogue;
}

std::string pair_key(const std::string& user_id, const std::string& item_id) {
  return user_id + '\t' + item_id;
}

}  // namespace

const Item* Catalogue::find(const std::string& id) const {
  const auto found = index_of.find(id);
  return found == index_of.end() ? nullptr : &items[static_cast<std::size_t>(found->second)];
}

void Catalogue::add(Item item, const std::string& where) {
  if (item.id.empty()) throw DataError(where + ": empty item id");
  const auto [slot, is_new] = index_of.emplace(item.id, static_cast<std::int32_t>(items.size()));
  if (!is_new) throw DataError(where + ": duplicate item " + item.id);
  items.push_back(std::move(item));
}

Catalogue load_items(const std::filesystem::path& path) {
  const std::vector<std::string> lines = read_lines(path);
  const auto first = std::find_if(
      lines.begin(), lines.end(), [](const std::string& line) { return !trim(line).empty(); });
  if (first == lines.end()) throw DataError(path.string() + ": no items in it");
  return trim(*first).starts_with('{') ? read_jsonl(lines, path.string())
                                       : read_csv(lines, path.string());
}

std::int64_t add_captions(Catalogue& catalogue, const std::filesystem::path& path) {
  std::int64_t num_captions = 0;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    Item item = parse_item(line, where);
    num_captions += item.caption.empty() ? 0 : 1;
    const auto found = catalogue.index_of.find(item.id);
    if (found == catalogue.index_of.end()) {
      catalogue.add(std::move(item), where);
    } else if (!item.caption.empty()) {
      catalogue.items[static_cast<std::size_t>(found->second)].caption = std::move(item.caption);
    }
  });
  return num_captions;
}

Comments Comments::load(const std::filesystem::path& path) {
  Comments comments;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const auto first = line.find('\t');
    const auto second = first == std::string::npos ? first : line.find('\t', first + 1);
    if (second == std::string::npos || first == 0 || second == first + 1) {
      throw DataError(where + ": expected \"user TAB item TAB comment\"");
    }
    comments.by_pair_[line.substr(0, second)] = line.substr(second + 1);
  });
  return comments;
}

const std::string& Comments::find(const std::string& user_id, const std::string& item_id) const {
  static const std::string kNone;
  const auto found = by_pair_.find(pair_key(user_id, item_id));
  return found == by_pair_.end() ? kNone : found->second;
}

}  // namespace vragent::data
