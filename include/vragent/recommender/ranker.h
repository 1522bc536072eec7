// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Full ranking of the catalogue for each user: metrics (all and cold users) and top-k lists.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"
#include "vragent/data/sequences.h"
#include "vragent/data/top_k.h"
#include "vragent/metrics/ranking.h"

namespace vragent::recommender {

/// Scores of all items for some users: users -> [n, N+1] (column 0, padding, is ignored), higher is
/// better. The user's input ends before the target of `split`.
using ScoreFunction =
    std::function<torch::Tensor(const std::vector<std::int64_t>& users, data::Split split)>;

struct Evaluation {
  metrics::RankingMetrics all;
  metrics::RankingMetrics cold;
  std::int64_t num_tied = 0;        ///< users whose target shares its score with another candidate
  std::vector<std::int64_t> ranks;  ///< 1-based, one a user
};

struct RankingOptions {
  std::vector<std::int64_t> cutoffs = {5, 10, 20};
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

/// The k best unseen items of every user, as rows of topk.jsonl; equal scores by ascending index.
/// @throws Error (70) as evaluate does
std::vector<data::TopK> top_k_lists(const data::Sequences& sequences,
                                    data::Split split,
                                    const ScoreFunction& score,
                                    std::int64_t k,
                                    std::int64_t batch_users = 64);

}  // namespace vragent::recommender
