// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/interactions.h"

#include <numeric>

#include "vragent/util/format.h"

namespace vragent::data {

std::int64_t Interactions::num_interactions() const {
  return std::accumulate(histories.begin(),
                         histories.end(),
                         std::int64_t{0},
                         [](std::int64_t sum, const std::vector<std::int32_t>& history) {
                           return sum + std::ssize(history);
                         });
}

double Interactions::sparsity() const {
  const double pairs = static_cast<double>(user_ids.size()) * static_cast<double>(item_ids.size());
  return pairs > 0 ? 1 - static_cast<double>(num_interactions()) / pairs : 0;
}

Counts counts_of(const Interactions& interactions) {
  const ReadCounts& counts = interactions.counts;
  return {{"users", std::ssize(interactions.user_ids)},
          {"items", std::ssize(interactions.item_ids)},
          {"interactions", interactions.num_interactions()},
          {"rows", counts.rows},
          {"low_rated", counts.low_rated},
          {"duplicates", counts.duplicates},
          {"outside_core", counts.outside_core}};
}

std::string to_line(const Counts& counts) {
  std::string line;
  for (const auto& [name, count] : counts) {
    line += formatted("{}{}={}", line.empty() ? "" : " ", name, count);
  }
  return line;
}

}  // namespace vragent::data
