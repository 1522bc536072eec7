// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/ranking.h"

#include <cmath>
#include <set>
#include <stdexcept>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::metrics {
namespace {

double mean_of(double sum, std::int64_t count) {
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

/// Whether a candidate stands before the target; NaN loses against every number.
bool is_greater(float candidate, float target) {
  if (std::isnan(target)) return !std::isnan(candidate);
  return candidate > target;
}

bool is_equal(float candidate, float target) {
  return candidate == target || (std::isnan(candidate) && std::isnan(target));
}

}  // namespace

std::int64_t rank_of(std::int64_t num_greater, std::int64_t num_equal_before) {
  if (num_greater < 0 || num_equal_before < 0) {
    throw std::logic_error(formatted(
        "rank_of: {} greater and {} equal before: not counts", num_greater, num_equal_before));
  }
  return 1 + num_greater + num_equal_before;
}

std::int64_t rank_of(std::span<const float> scores, std::size_t target) {
  if (target >= scores.size()) {
    throw std::logic_error(formatted("rank_of: target {} of {} candidates", target, scores.size()));
  }
  std::int64_t num_greater = 0;
  std::int64_t num_equal_before = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (is_greater(scores[i], scores[target])) ++num_greater;
    if (i < target && is_equal(scores[i], scores[target])) ++num_equal_before;
  }
  return rank_of(num_greater, num_equal_before);
}

double hit_at(std::int64_t rank, std::int64_t k) {
  return rank <= k ? 1.0 : 0.0;
}

double ndcg_at(std::int64_t rank, std::int64_t k) {
  return rank <= k ? 1.0 / std::log2(static_cast<double>(rank) + 1.0) : 0.0;
}

RankingAccumulator::RankingAccumulator(const std::vector<std::int64_t>& cutoffs) {
  std::set<std::int64_t> seen;
  for (const std::int64_t k : cutoffs) {
    if (k < 1) throw ConfigError(formatted("k: {} is below 1", k));
    if (!seen.insert(k).second) throw ConfigError(formatted("k: {} is given twice", k));
    sums_.push_back({k, 0.0, 0.0});
  }
  if (sums_.empty()) throw ConfigError("k: at least one cut-off is needed, for example 10,20");
}

void RankingAccumulator::add(std::int64_t rank) {
  if (rank < 1) throw std::logic_error(formatted("rank {} is below 1", rank));
  for (Sums& sum : sums_) {
    sum.hits += hit_at(rank, sum.k);
    sum.gains += ndcg_at(rank, sum.k);
  }
  ++num_users_;
  ++num_ranked_;
  sum_of_ranks_ += static_cast<double>(rank);
  sum_of_reciprocals_ += 1.0 / static_cast<double>(rank);
}

void RankingAccumulator::add_without_list() {
  ++num_users_;
  ++num_without_list_;
}

RankingMetrics RankingAccumulator::value() const {
  RankingMetrics metrics{.num_users = num_users_,
                         .num_ranked = num_ranked_,
                         .num_without_list = num_without_list_,
                         .cutoffs = {},
                         .mean_rank = mean_of(sum_of_ranks_, num_ranked_),
                         .mrr = mean_of(sum_of_reciprocals_, num_users_)};
  for (const Sums& sum : sums_) {
    metrics.cutoffs.push_back(
        {sum.k, mean_of(sum.hits, num_users_), mean_of(sum.gains, num_users_)});
  }
  return metrics;
}

std::vector<std::pair<std::string, double>> named_values(const RankingMetrics& metrics) {
  std::vector<std::pair<std::string, double>> values;
  for (const CutoffMetrics& at : metrics.cutoffs) {
    values.emplace_back(formatted("hr@{}", at.k), at.hit_rate);
    values.emplace_back(formatted("ndcg@{}", at.k), at.ndcg);
  }
  values.emplace_back("mrr", metrics.mrr);
  values.emplace_back("mean_rank", metrics.mean_rank);
  return values;
}

}  // namespace vragent::metrics
