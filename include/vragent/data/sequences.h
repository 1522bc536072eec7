// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The MicroLens protocol (VideoRec, `recommender.md` 2.1): the last max_len + 3 interactions of a
// user are all that exists; the catalogue is rebuilt from them; leave-one-out split.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vragent/data/interactions.h"

namespace vragent::data {

struct ProtocolConfig {
  std::int64_t max_len = 10;  ///< items the user encoder sees (MicroLens: 10)
  std::int64_t min_len = 5;   ///< users with fewer interactions are dropped (MicroLens: 5)
  std::int64_t cold_max_len =
      5;  ///< a user is cold with at most so many interactions (release: exactly 5)

  void visit(auto& v) {
    v("max-len",
      max_len,
      "items of a user that the model sees; a user's last max-len + 3 interactions are used");
    v("min-len", min_len, "drop users with fewer interactions");
    v("cold-max-len", cold_max_len, "a user is cold with at most so many interactions");
  }

  void check() const;
};

enum class Split { kTrain, kValid, kTest };

/// Windows of users over a catalogue of 1..N; index 0 is padding.
struct Sequences {
  std::vector<std::string> item_ids;               ///< [N+1], item_ids[0] is ""
  std::vector<std::int64_t> item_lines;            ///< [N+1], first of the file with each; 0: none
  std::vector<std::string> user_ids;               ///< [U]
  std::vector<std::vector<std::int32_t>> windows;  ///< [U], each of 3 .. max_len+3 items
  std::vector<std::int64_t> full_lengths;          ///< [U], interactions before the window was cut
  std::vector<bool> cold;                          ///< [U]
  std::int64_t num_short_users = 0;                ///< left out for fewer than min_len interactions
  std::vector<std::int64_t> train_counts;          ///< [N+1], occurrences in the train parts
  std::unordered_map<std::string, std::int32_t> item_index;  ///< id -> 1..N
  std::unordered_map<std::string, std::int32_t> user_index;  ///< id -> 0..U-1
  ProtocolConfig protocol;

  [[nodiscard]] std::int64_t num_items() const {
    return static_cast<std::int64_t>(item_ids.size()) - 1;
  }

  [[nodiscard]] std::int64_t num_users() const {
    return static_cast<std::int64_t>(user_ids.size());
  }

  /// Train part: the window without its last two items (at most max_len + 1 items).
  [[nodiscard]] std::span<const std::int32_t> train(std::int64_t user) const;

  /// The items before the target that the model sees, at most max_len.
  [[nodiscard]] std::span<const std::int32_t> input(std::int64_t user, Split split) const;

  /// The items before the target that are masked when ranking (train: all but the last three, which
  /// may be none; valid: the train part; test: all but the last).
  [[nodiscard]] std::span<const std::int32_t> seen(std::int64_t user, Split split) const;

  /// Whether anything is seen before the target: always of valid and test.
  [[nodiscard]] bool has_history(std::int64_t user, Split split) const;

  /// The item to be ranked (train: third last; valid: second last; test: last).
  [[nodiscard]] std::int32_t target(std::int64_t user, Split split) const;
};

/// Users, cold ones, items, interactions inside windows, those of train parts, their distinct
/// items, the targets that no train part has, and the users left out.
Counts counts_of(const Sequences& sequences);

/// Applies the protocol. Windows of 3 items or more are needed: min_len below 3 is refused by
/// check().
Sequences make_sequences(const Interactions& interactions, const ProtocolConfig& config);

}  // namespace vragent::data
