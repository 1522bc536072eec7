// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Small data sets for tests of the recommender.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/data/sequences.h"
#include "vragent/util/random.h"

namespace vragent::recommender {

/// Users "u1", "u2", ... over items "100", "101", ...
inline data::Sequences sequences_of(const std::vector<std::vector<std::int32_t>>& histories,
                                    std::int32_t num_items,
                                    const data::ProtocolConfig& protocol = {}) {
  data::Interactions interactions;
  for (std::int32_t item = 0; item < num_items; ++item)
    interactions.item_ids.push_back(std::to_string(item + 100));
  interactions.histories = histories;
  for (std::size_t user = 0; user < histories.size(); ++user)
    interactions.user_ids.push_back("u" + std::to_string(user + 1));
  return data::make_sequences(interactions, protocol);
}

/// Everybody watches the items in one order, from a place of their own: what follows is certain.
inline data::Sequences ring_of_items(std::int32_t num_items, std::int32_t num_users) {
  std::vector<std::vector<std::int32_t>> histories;
  for (std::int32_t user = 0; user < num_users; ++user) {
    std::vector<std::int32_t> history;
    for (std::int32_t i = 0; i < 5 + user % 4; ++i) history.push_back((user * 7 + i) % num_items);
    histories.push_back(history);
  }
  return sequences_of(histories, num_items);
}

/// The windows as the lines of a pairs.tsv.
inline std::string pairs_of(const data::Sequences& sequences) {
  std::string lines;
  for (std::size_t user = 0; user < sequences.windows.size(); ++user) {
    lines += sequences.user_ids[user] + "\t";
    for (const std::int32_t item : sequences.windows[user])
      lines += sequences.item_ids[static_cast<std::size_t>(item)] + " ";
    lines.back() = '\n';
  }
  return lines;
}

/// Random histories without repeats, of 5 to 20 items.
inline data::Sequences random_sequences(std::int32_t num_items,
                                        std::int32_t num_users,
                                        std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<std::vector<std::int32_t>> histories;
  for (std::int32_t user = 0; user < num_users; ++user) {
    const auto items = random.sample(num_items, 5 + random.below(16));
    histories.emplace_back(items.begin(), items.end());
  }
  return sequences_of(histories, num_items);
}

}  // namespace vragent::recommender
