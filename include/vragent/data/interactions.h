// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What users watched, oldest first. Readers turn each format into one structure of dense indices.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vragent::data {

/// Histories of all users; item indices point into item_ids, which is in ascending id order
/// (numeric where all ids are numbers, else by bytes).
struct Interactions {
  std::vector<std::string> item_ids;
  std::vector<std::string> user_ids;
  std::vector<std::vector<std::int32_t>> histories;  ///< one a user, oldest first

  [[nodiscard]] std::int64_t num_interactions() const;
};

/// Reads interactions by content (`format` "auto") or as told:
///   microlens-tsv  "user TAB item item ...", oldest first; CRLF tolerated
///   microlens-csv  header "user,item,timestamp"; sorted by time within a user (stable)
/// @throws DataError with path:line on an id that repeats where it must not, an empty history, a
/// bad number
Interactions load_interactions(const std::filesystem::path& path,
                               const std::string& format = "auto");

}  // namespace vragent::data
