// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Items: id, title and, once the IP agent has run, caption; what users wrote below them, and how
// often they were liked and watched. data/formats reads items from files.
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

  /// The caption where there is one, else the title; "" where neither is more than white space.
  [[nodiscard]] const std::string& text() const;
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

/// Item of one captions.jsonl row, or of any object with item_id and title; a row whose status is
/// not "ok" keeps its title and gets no caption, nor does one with a caption of white space.
/// @throws DataError "<where>: ..."
Item parse_item(const std::string& line, const std::string& where);

/// Sets captions from a captions.jsonl on items that are there; items it does not know are added.
/// @return how many items got a caption
/// @throws DataError with path:line on an item that the file has twice
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

/// How often an item was liked and watched.
struct Likes {
  std::int64_t likes = 0;
  std::int64_t views = 0;
};

/// Reads MicroLens' likes_and_views.txt, "item TAB likes TAB views" lines, by item id. (Files from
/// before 2025-01-26 have wrong magnitudes.)
/// @throws DataError with path:line on another line, a negative number, an item that was there
std::unordered_map<std::string, Likes> load_likes(const std::filesystem::path& path);

}  // namespace vragent::data
