// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What users watched, oldest first, as dense indices. data/formats reads it from files.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vragent::data {

/// What a reader met in a file and what it left out, in the order in which it does so.
struct ReadCounts {
  std::string format;             ///< as detected, or as told
  std::int64_t rows = 0;          ///< interactions in the file
  std::int64_t low_rated = 0;     ///< left out for their rating
  std::int64_t duplicates = 0;    ///< the user had the item already (left out, unless all are kept)
  std::int64_t outside_core = 0;  ///< left out with users of few items and items of few users
};

/// Histories of all users; item indices point into item_ids, which is in ascending id order
/// (numeric where all ids are numbers, else by bytes).
struct Interactions {
  std::vector<std::string> item_ids;
  std::vector<std::int64_t> item_lines;              ///< first of the file with each; may be empty
  std::vector<std::string> user_ids;                 ///< in order of appearance
  std::vector<std::vector<std::int32_t>> histories;  ///< one a user, oldest first, none empty
  ReadCounts counts;

  [[nodiscard]] std::int64_t num_interactions() const;

  /// Share of the pairs of users and items without an interaction, 0 .. 1.
  [[nodiscard]] double sparsity() const;
};

/// What is counted, by name, in the order in which it is shown.
using Counts = std::vector<std::pair<std::string, std::int64_t>>;

/// Users, items, interactions, and what ReadCounts has.
Counts counts_of(const Interactions& interactions);

/// "users=9 items=7 ..."
std::string to_line(const Counts& counts);

}  // namespace vragent::data
