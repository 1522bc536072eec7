// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Items: id, title and, once the IP agent has run, caption; and what users wrote below them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace vragent::data {

/// One video. Ids are those of the data set (never row numbers).
struct Item {
  std::string id;
  std::string title;
  std::string caption;  ///< empty when there is none

  /// The caption where there is one, else the title.
  [[nodiscard]] const std::string& text() const { return caption.empty() ? title : caption; }
};

/// Items in file order, found by id.
struct Catalogue {
  std::vector<Item> items;
  std::unordered_map<std::string, std::int32_t> index_of;  ///< id -> position in items

  /// The item, or nullptr.
  [[nodiscard]] const Item* find(const std::string& id) const;

  /// @throws DataError "<where>: duplicate item <id>" when the id is there already
  void add(Item item, const std::string& where);
};

/// Reads items by content:
///   csv    "item,title" with or without that header. Quotes, commas and line breaks in quoted
///          titles, CRLF and a byte order mark are tolerated; an unquoted title may contain commas
///          (the first one separates) and quotes (a quote that never closes belongs to the title);
///   jsonl  objects with item_id, title and, optionally, caption (captions.jsonl is such a file;
///          rows whose status is not "ok" keep their title and get no caption).
/// @throws DataError with path:line on an empty id, a line without a separator, a duplicate id, a
///   file without items
Catalogue load_items(const std::filesystem::path& path);

/// Sets captions from a captions.jsonl on items that are there; items it does not know are added.
/// @return how many items got a caption
std::int64_t add_captions(Catalogue& catalogue, const std::filesystem::path& path);

/// Comments by (user, item).
class Comments {
 public:
  /// Reads "user TAB item TAB text" lines (only the first two tabs separate; the last comment of a
  /// pair wins).
  static Comments load(const std::filesystem::path& path);

  /// The comment, or "".
  [[nodiscard]] const std::string& find(const std::string& user_id,
                                        const std::string& item_id) const;

  [[nodiscard]] std::size_t size() const { return by_pair_.size(); }

 private:
  std::unordered_map<std::string, std::string> by_pair_;  // key "user\titem"
};

}  // namespace vragent::data
