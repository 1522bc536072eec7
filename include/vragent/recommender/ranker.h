// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Full ranking of the catalogue for each user: metrics (all, cold and warm users, groups of users),
// top-k lists and what they show of the catalogue, scores of given items.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"
#include "vragent/data/sequences.h"
#include "vragent/data/top_k.h"
#include "vragent/metrics/ranking.h"
#include "vragent/metrics/user_groups.h"

namespace vragent::recommender {

/// Scores of all items for some users: users -> [n, N+1] (column 0, padding, is ignored), higher is
/// better. The user's input ends before the target of `split`.
using ScoreFunction =
    std::function<torch::Tensor(const std::vector<std::int64_t>& users, data::Split split)>;

struct Evaluation {
  metrics::RankingMetrics all;
  metrics::RankingMetrics cold;
  metrics::RankingMetrics warm;     ///< users that are not cold
  std::int64_t num_tied = 0;        ///< users whose target shares its score with another candidate
  std::vector<std::int64_t> ranks;  ///< 1-based, one a user
};

struct RankingOptions {
  std::vector<std::int64_t> cutoffs = {5, 10, 20, 50};
  std::int64_t batch_users = 256;  ///< rows of one product; its scores are read once
  bool mask_history = true;
  const comm::Communicator& processes = comm::alone();  ///< that share the users of evaluate()
};

/// The same in all processes. Ranks the held-out item of every user among all items but padding
/// and, with mask_history, those seen before it. Equal scores are ordered by ascending catalogue
/// index.
/// @throws Error (70) naming user and item when a score is not a number
Evaluation evaluate(const data::Sequences& sequences,
                    data::Split split,
                    const ScoreFunction& score,
                    const RankingOptions& options = {});

/// Metrics of users with histories of like length: of all their interactions, as --min-len and
/// --cold-max-len count, the held-out ones included (metrics::groups_by_length).
std::vector<metrics::GroupMetrics> by_history_length(const data::Sequences& sequences,
                                                     const Evaluation& evaluation,
                                                     const std::vector<std::int64_t>& cutoffs);

/// Metrics of users whose held-out items are of like popularity, counted in interactions of train
/// parts (metrics::groups_by_popularity): head, mid, tail and unseen.
/// @param split that of `evaluation`
std::vector<metrics::GroupMetrics> by_target_popularity(const data::Sequences& sequences,
                                                        data::Split split,
                                                        const Evaluation& evaluation,
                                                        const std::vector<std::int64_t>& cutoffs);

/// The k best unseen items of every user with a history before the target, as rows of topk.jsonl;
/// equal scores by ascending index.
/// @throws Error (70) as evaluate does
std::vector<data::TopK> top_k_lists(const data::Sequences& sequences,
                                    data::Split split,
                                    const ScoreFunction& score,
                                    std::int64_t k,
                                    std::int64_t batch_users = 64);

/// What lists show of the catalogue. The popularity of an item is its interactions in train parts.
struct ListExposure {
  double coverage = 0;            ///< share of the catalogue that stands in any list
  double gini = 0;                ///< of how often items are listed: 0 alike, near 1 a few always
  double mean_popularity = 0;     ///< over all places of all lists
  double history_popularity = 0;  ///< the same over what users have seen before their targets
  double target_popularity = 0;   ///< the same over the targets
  double popularity_bias = 0;     ///< mean over history: above 1 lists favour what many watched
};

/// @param lists of top_k_lists() for `split`
ListExposure exposure_of(const data::Sequences& sequences,
                         data::Split split,
                         const std::vector<data::TopK>& lists);

/// One row of the file: a user and the items to score, indices of the catalogue.
struct CandidateRow {
  std::int64_t user = 0;
  std::vector<std::int32_t> items;
};

/// Rows `user_id`, `items[]` (topk.jsonl is one such file), in their order; a user may have
/// several.
/// @throws DataError with path:line on a user or an item that the interactions do not hold
std::vector<CandidateRow> load_candidates(const std::filesystem::path& path,
                                          const data::Sequences& sequences);

/// The rows with scores, items in the order given, none masked. The user's input ends before the
/// test item. @throws Error (70) when a score is not a number
std::vector<data::TopK> score_candidates(const std::vector<CandidateRow>& rows,
                                         const data::Sequences& sequences,
                                         const ScoreFunction& score,
                                         std::int64_t batch_users = 64);

}  // namespace vragent::recommender
