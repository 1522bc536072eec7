// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Interactions from the files in which data sets come. One line is read at a time; a file that ends
// in .gz and stdin ("-") will do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/interactions.h"
#include "vragent/data/sequences.h"

namespace vragent::data::formats {

struct ReadConfig {
  std::string format = "auto";
  std::vector<std::string> columns;  ///< "user=NAME", "item=", "rating=", "timestamp="
  double min_rating = 0;             ///< 0: all
  std::int64_t min_user_items = 0;   ///< 0: all
  std::int64_t min_item_users = 0;   ///< 0: all
  std::string duplicates = "keep-first";

  void visit(auto& v) {
    v("format",
      format,
      "format of --interactions: auto (by content), microlens-tsv, sequences, pairs, csv, tsv, "
      "recbole, movielens-1m, movielens-100k, steam or jsonl");
    v("columns",
      columns,
      "columns whose names are not known, as user=NAME,item=NAME,rating=NAME,timestamp=NAME (csv, "
      "tsv, recbole, jsonl)");
    v("min-rating", min_rating, "leave interactions with a lower rating out; 0 keeps all");
    v("min-user-items",
      min_user_items,
      "leave users with fewer interactions out; with --min-item-users until both hold");
    v("min-item-users", min_item_users, "leave items with fewer interactions out");
    v("duplicates",
      duplicates,
      "a user's further interactions with an item: keep-first (of them in time), keep-last, "
      "keep-all or error");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// Reads interactions; `format` "auto" goes by content:
///   microlens-tsv   "user TAB item item ...", oldest first, one line a user
///   sequences       "user item item ...", the same with spaces only
///   pairs           "user item", oldest first, any number of lines a user
///   csv, tsv        a header that names a user and an item column; "rating" and "timestamp" (a
///                   number, or a date such as 2017-12-17) where there are any; usual other names
///                   (userId, movieId, ts, ...) are known
///   recbole         atomic file: TAB, a header of name:type
///   movielens-1m    "user::item::rating::timestamp"
///   movielens-100k  the same with TABs
///   steam           a Python dict a line: username, product_id, date
///   jsonl           a JSON object a line, members named like csv columns or like steam
/// Interactions with times are sorted by them within a user; equal times keep the order of the
/// file. Then duplicates go, with a warning, then what lies outside of the core. CRLF, a byte order
/// mark and a missing last line end are tolerated. All counts are in the result.
/// @throws DataError with path:line on a line that does not fit its format, a NUL byte, a line of
///   more than 64 MiB, a sequence whose user was there, an id that is not UTF-8, an item that is
///   no whole number from 0 among a hundred or more that are; with the path when several formats
///   fit (naming them) or nothing is left; ConfigError when --min-rating meets a file without
///   ratings; Error (66, 74)
Interactions load_interactions(const std::filesystem::path& path, const ReadConfig& config = {});

/// The same, cut by the protocol; the counts of both are logged. @throws DataError also when no
/// user has enough interactions
Sequences load_sequences(const std::filesystem::path& path,
                         const ReadConfig& config,
                         const ProtocolConfig& protocol);

}  // namespace vragent::data::formats
