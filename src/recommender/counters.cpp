// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/counters.h"

#include <memory>
#include <unordered_map>

namespace vragent::recommender {

using torch::Tensor;

ScoreFunction popularity_ranker(const data::Sequences& sequences) {
  const Tensor counts = torch::tensor(sequences.train_counts).to(torch::kFloat64);
  return [counts](const std::vector<std::int64_t>& users, data::Split) {
    return counts.unsqueeze(0).expand({static_cast<std::int64_t>(users.size()), counts.size(0)});
  };
}

ScoreFunction markov_ranker(const data::Sequences& sequences) {
  using Followers = std::unordered_map<std::int32_t, double>;
  const auto followers = std::make_shared<std::unordered_map<std::int32_t, Followers>>();
  double total = 1;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const auto train = sequences.train(user);
    total += static_cast<double>(train.size());
    for (std::size_t i = 1; i < train.size(); ++i) (*followers)[train[i - 1]][train[i]] += 1;
  }
  const ScoreFunction popularity = popularity_ranker(sequences);
  // A transition outweighs any popularity, so counts of occurrences only break ties; exact in a
  // double.
  return [&sequences, followers, popularity, total](const std::vector<std::int64_t>& users,
                                                    data::Split split) {
    Tensor scores = popularity(users, split).clone();
    auto at = scores.accessor<double, 2>();
    for (std::size_t row = 0; row < users.size(); ++row) {
      const auto found = followers->find(sequences.input(users[row], split).back());
      if (found == followers->end()) continue;
      for (const auto& [item, count] : found->second)
        at[static_cast<std::int64_t>(row)][item] += count * total;
    }
    return scores;
  };
}

}  // namespace vragent::recommender
