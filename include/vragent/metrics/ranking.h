// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Full-ranking metrics of a recommender: from the 1-based rank of each user's one target to hit
// rate and NDCG at several cut-offs, mean rank and mean reciprocal rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vragent::metrics {

/// 1-based rank of a target: one more than the candidates before it.
/// @param num_greater candidates with a higher score
/// @param num_equal_before candidates of the same score that the caller's tie rule puts first
/// @throws std::logic_error when a count is negative
std::int64_t rank_of(std::int64_t num_greater, std::int64_t num_equal_before);

/// 1-based rank of `target` among `scores` [N], best score first; of equal scores the smaller index
/// is first, NaN is worse than any number. Masked candidates are -infinity.
/// @throws std::logic_error when `target` is out of range
std::int64_t rank_of(std::span<const float> scores, std::size_t target);

/// 1 when the rank is within the first k, else 0.
double hit_at(std::int64_t rank, std::int64_t k);

/// 1 / log2(rank + 1) within the first k, else 0. With one target a user this is NDCG@k.
double ndcg_at(std::int64_t rank, std::int64_t k);

/// Means over all users at one cut-off, fractions 0..1.
struct CutoffMetrics {
  std::int64_t k = 0;
  double hit_rate = 0.0;
  double ndcg = 0.0;
};

struct RankingMetrics {
  std::int64_t num_users = 0;         ///< all users, those without a list included
  std::int64_t num_ranked = 0;        ///< users whose target has a known rank
  std::int64_t num_without_list = 0;  ///< users that had no list: they count as misses
  std::vector<CutoffMetrics> cutoffs;
  double mean_rank = 0.0;  ///< over ranked users only
  double mrr = 0.0;        ///< mean of 1 / rank over all users; a miss adds 0
};

/// Collects users one by one; all its means are 0 while it is empty.
class RankingAccumulator {
 public:
  /// @param cutoffs values of k, each at least 1 and used once. @throws ConfigError otherwise
  explicit RankingAccumulator(const std::vector<std::int64_t>& cutoffs = {10, 20});

  /// A user whose target has this 1-based rank. @throws std::logic_error when rank < 1
  void add(std::int64_t rank);

  /// A user whose list does not hold the target.
  void add_miss() { ++num_users_; }

  /// A user without any list: a miss that is counted apart.
  void add_without_list();

  [[nodiscard]] RankingMetrics value() const;

 private:
  struct Sums {
    std::int64_t k;
    double hits;
    double gains;
  };

  std::vector<Sums> sums_;
  std::int64_t num_users_ = 0;
  std::int64_t num_ranked_ = 0;
  std::int64_t num_without_list_ = 0;
  double sum_of_ranks_ = 0.0;
  double sum_of_reciprocals_ = 0.0;
};

/// The metrics under the names of metrics.json, in this order: hr@K and ndcg@K of each cut-off,
/// then mrr, then mean_rank.
std::vector<std::pair<std::string, double>> named_values(const RankingMetrics& metrics);

}  // namespace vragent::metrics
