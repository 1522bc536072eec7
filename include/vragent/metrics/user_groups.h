// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Ranking metrics of groups of users: by the length of their histories, by the popularity of the
// item that is to be found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vragent/metrics/ranking.h"

namespace vragent::metrics {

/// The group of each user. A group may be without users.
struct UserGroups {
  std::vector<std::string> labels;
  std::vector<std::size_t> group_of_user;  ///< [U], indices into labels
};

struct GroupMetrics {
  std::string label;
  RankingMetrics metrics;
};

/// By the number of a user's interactions: 1-4, 5-6, 7-9, 10-19, 20-49, 50-99, 100+.
/// @param lengths [U]. @throws std::logic_error when one is below 1
UserGroups groups_by_length(std::span<const std::int64_t> lengths);

/// By the popularity of each user's target, in shares of all interactions. With the items in
/// descending popularity, those are head before which less than 20 % of the interactions lie, the
/// next mid until 80 % lie before them, the rest tail; items without an interaction are unseen.
/// Equally popular items share a group.
/// @param targets [U], indices of items
/// @param popularity interactions of each item by its index
UserGroups groups_by_popularity(std::span<const std::int32_t> targets,
                                std::span<const std::int64_t> popularity);

/// Metrics of each group in the order of its label; groups without users are left out.
/// @param ranks [U], 1-based
/// @throws std::logic_error when there are not as many ranks as users
std::vector<GroupMetrics> metrics_of_groups(const UserGroups& groups,
                                            std::span<const std::int64_t> ranks,
                                            const std::vector<std::int64_t>& cutoffs);

}  // namespace vragent::metrics
