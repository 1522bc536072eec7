// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `eval ranking`: anybody's top-k lists against one target a user. Independent of our recommenders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/metrics/ranking.h"
#include "vragent/util/table.h"

namespace vragent::report::runs {

struct ListRankingConfig {
  std::filesystem::path lists;
  std::filesystem::path targets;
  std::vector<std::int64_t> k = {10, 20};

  void visit(auto& v) {
    v("lists",
      lists,
      "lines of topk.jsonl (user_id, items[], best first) of any length; - is stdin (required)");
    v("targets",
      targets,
      "lines with user_id and item_id, as JSON or as user,item; - is stdin (required)");
    v("k", k, "cut-offs of HR and NDCG");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

struct ListRanking {
  /// A user without a list is a miss and counted; mean_rank is over targets that stand in their
  /// list, mrr over all users, a target outside of its list adding 0.
  metrics::RankingMetrics metrics;
  std::int64_t num_unused_lists = 0;  ///< lists of users without a target
  std::int64_t longest_list = 0;      ///< items
};

/// @throws DataError with path:line on a broken line or a repeated user, or without any target;
///   Error (66)
ListRanking rank_lists(const ListRankingConfig& config);

/// One row: HR and NDCG at each k, then MRR and mean rank; notes say who had no list.
Table ranking_table(const ListRanking& ranking);

/// {"hr@10", "ndcg@10", ..., "mrr", "mean_rank", "users", "without_list", "unused_lists"}
std::string ranking_json(const ListRanking& ranking);

}  // namespace vragent::report::runs
