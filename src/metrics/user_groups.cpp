// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/user_groups.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "vragent/util/format.h"

namespace vragent::metrics {
namespace {

constexpr std::array<std::int64_t, 7> kShortest = {1, 5, 7, 10, 20, 50, 100};

enum PopularityGroup : std::size_t { kHead, kMid, kTail, kUnseen };

PopularityGroup popularity_group(std::int64_t interactions,
                                 std::int64_t interactions_before,
                                 std::int64_t all_interactions) {
  if (interactions == 0) return kUnseen;
  if (5 * interactions_before < all_interactions) return kHead;
  return 5 * interactions_before < 4 * all_interactions ? kMid : kTail;
}

}  // namespace

UserGroups groups_by_length(std::span<const std::int64_t> lengths) {
  UserGroups groups;
  for (std::size_t i = 0; i + 1 < kShortest.size(); ++i)
    groups.labels.push_back(formatted("{}-{}", kShortest[i], kShortest[i + 1] - 1));
  groups.labels.push_back(formatted("{}+", kShortest.back()));
  for (const std::int64_t length : lengths) {
    if (length < kShortest.front())
      throw std::logic_error(formatted("a history of {} interactions", length));
    const auto longer = std::upper_bound(kShortest.begin(), kShortest.end(), length);
    groups.group_of_user.push_back(static_cast<std::size_t>(longer - kShortest.begin()) - 1);
  }
  return groups;
}

UserGroups groups_by_popularity(std::span<const std::int32_t> targets,
                                std::span<const std::int64_t> popularity) {
  std::map<std::int64_t, std::int64_t, std::greater<>> items_of;  // by their interactions
  for (const std::int64_t interactions : popularity) ++items_of[interactions];
  const auto all = std::accumulate(popularity.begin(), popularity.end(), std::int64_t{0});
  std::map<std::int64_t, PopularityGroup> group_of;
  std::int64_t before = 0;
  for (const auto& [interactions, num_items] : items_of) {
    group_of[interactions] = popularity_group(interactions, before, all);
    before += interactions * num_items;
  }
  UserGroups groups{.labels = {"head", "mid", "tail", "unseen"}};
  for (const std::int32_t target : targets)
    groups.group_of_user.push_back(group_of.at(popularity[static_cast<std::size_t>(target)]));
  return groups;
}

std::vector<GroupMetrics> metrics_of_groups(const UserGroups& groups,
                                            std::span<const std::int64_t> ranks,
                                            const std::vector<std::int64_t>& cutoffs) {
  if (ranks.size() != groups.group_of_user.size()) {
    throw std::logic_error(
        formatted("{} ranks of {} users in groups", ranks.size(), groups.group_of_user.size()));
  }
  std::vector<RankingAccumulator> users(groups.labels.size(), RankingAccumulator(cutoffs));
  for (std::size_t user = 0; user < ranks.size(); ++user)
    users[groups.group_of_user[user]].add(ranks[user]);
  std::vector<GroupMetrics> result;
  for (std::size_t group = 0; group < users.size(); ++group) {
    RankingMetrics values = users[group].value();
    if (values.num_users > 0) result.push_back({groups.labels[group], std::move(values)});
  }
  return result;
}

}  // namespace vragent::metrics
