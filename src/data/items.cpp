// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/items.h"

#include <string_view>
#include <unordered_set>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"

namespace vragent::data {
namespace {

std::string pair_key(const std::string& user_id, const std::string& item_id) {
  return user_id + '\t' + item_id;
}

}  // namespace

const std::string& Item::text() const {
  static const std::string kNone;
  if (!trim(caption).empty()) return caption;
  return trim(title).empty() ? kNone : title;
}

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

Item parse_item(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  Item item{.id = record.id("item_id"), .title = record.text_or("title", ""), .caption = {}};
  if (record.text_or("status", "ok") == "ok") item.caption = record.text_or("caption", "");
  if (trim(item.caption).empty()) item.caption.clear();
  return item;
}

std::int64_t add_captions(Catalogue& catalogue, const std::filesystem::path& path) {
  std::int64_t num_captions = 0;
  std::unordered_set<std::string> seen;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    Item item = parse_item(line, where);
    if (!seen.insert(item.id).second) {
      throw DataError(where + ": item " + item.id + " is there twice");
    }
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

std::unordered_map<std::string, Likes> load_likes(const std::filesystem::path& path) {
  std::unordered_map<std::string, Likes> likes;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const auto fields = split(line, '\t');
    if (fields.size() != 3 || fields[0].empty()) {
      throw DataError(where + ": expected \"item TAB likes TAB views\"");
    }
    const auto num_likes = parse_integer(trim(fields[1]));
    const auto num_views = parse_integer(trim(fields[2]));
    if (!num_likes || !num_views || *num_likes < 0 || *num_views < 0) {
      throw DataError(where + ": likes and views must be whole numbers from 0");
    }
    const bool is_new = likes.emplace(fields[0], Likes{*num_likes, *num_views}).second;
    if (!is_new) throw DataError(where + ": duplicate item " + std::string(fields[0]));
  });
  return likes;
}

}  // namespace vragent::data
