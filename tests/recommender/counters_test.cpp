// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/counters.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"

namespace vragent::recommender {
namespace {

using data::Split;
using Ranks = std::vector<std::int64_t>;

/// Windows by catalogue index (1..5):       train      valid  test
///   u1  1 2 3 1 4                          1 2 3      1      4
///   u2  2 3 2 3 5                          2 3 2      3      5
///   u3  3 2 5 2 1                          3 2 5      2      1
///   u4  1 3 4 2 3                          1 3 4      2      3
/// Train counts: item 1: 2, item 2: 4, item 3: 4, item 4: 1, item 5: 1.
/// Transitions: 1>2 1, 2>3 2, 3>2 2, 2>5 1, 1>3 1, 3>4 1.
data::Sequences small_log() {
  return sequences_of({{0, 1, 2, 0, 3}, {1, 2, 1, 2, 4}, {2, 1, 4, 1, 0}, {0, 2, 3, 1, 2}}, 5);
}

std::vector<double> scores_for(const ScoreFunction& ranker, std::int64_t user, Split split) {
  const torch::Tensor row = ranker({user}, split)[0].to(torch::kFloat64).contiguous();
  return {row.data_ptr<double>() + 1, row.data_ptr<double>() + row.numel()};
}

TEST(PopularityRanker, CountsTheTrainPartsAlone) {
  const data::Sequences sequences = small_log();
  const ScoreFunction ranker = popularity_ranker(sequences);
  for (const Split split : {Split::kValid, Split::kTest}) {
    for (std::int64_t user = 0; user < 4; ++user)
      EXPECT_EQ(scores_for(ranker, user, split), (std::vector<double>{2, 4, 4, 1, 1}));
  }
}

TEST(PopularityRanker, GivesTheRanksCountedByHand) {
  const data::Sequences sequences = small_log();
  // Valid, candidates best first: u1 {2 3 seen} 1 4 5; u2 1 (3 is its target) -> 3 1 4 5;
  // u3 2 (target) 1 4; u4 2 (target) 5.
  EXPECT_EQ(evaluate(sequences, Split::kValid, popularity_ranker(sequences)).ranks,
            (Ranks{1, 1, 1, 1}));
  // Not masked, the target stands behind items 2 and 3 for u1 and behind item 2 for u2.
  const Evaluation open = evaluate(sequences,
                                   Split::kValid,
                                   popularity_ranker(sequences),
                                   {.cutoffs = {1, 2}, .mask_history = false});
  EXPECT_EQ(open.ranks, (Ranks{3, 2, 1, 1}));
  EXPECT_DOUBLE_EQ(open.all.cutoffs[0].hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(open.all.cutoffs[1].hit_rate, 0.75);
  // Test: u1 4 before 5; u2 5 behind 1 and 4; u3 1 before 4; u4 3 (seen before, yet the target).
  EXPECT_EQ(evaluate(sequences, Split::kTest, popularity_ranker(sequences)).ranks,
            (Ranks{1, 3, 1, 1}));
}

TEST(MarkovRanker, PrefersWhatFollowedTheLastItemAndBreaksTiesByPopularity) {
  const data::Sequences sequences = small_log();
  const ScoreFunction ranker = markov_ranker(sequences);
  const auto order_for = [&](std::int64_t user, Split split) {
    const auto scores = scores_for(ranker, user, split);
    Ranks order = {1, 2, 3, 4, 5};
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return scores[static_cast<std::size_t>(a) - 1] > scores[static_cast<std::size_t>(b) - 1];
    });
    return order;
  };
  EXPECT_EQ(order_for(0, Split::kValid), (Ranks{2, 4, 3, 1, 5})) << "behind 3: 2 twice, 4 once";
  EXPECT_EQ(order_for(0, Split::kTest), (Ranks{2, 3, 1, 4, 5})) << "behind 1: 2 and 3 once";
  EXPECT_EQ(order_for(1, Split::kValid), (Ranks{3, 5, 2, 1, 4})) << "behind 2: 3 twice, 5 once";
  EXPECT_EQ(order_for(2, Split::kValid), (Ranks{2, 3, 1, 4, 5})) << "nothing behind 5: popularity";
}

TEST(MarkovRanker, NeverLetsPopularityOutweighATransition) {
  std::vector<std::vector<std::int32_t>> histories(200, {0, 1, 2, 3, 4});
  histories.push_back({5, 6, 5, 0, 1});  // 5 is followed by 6, once; item 0 is watched 200 times
  const data::Sequences sequences = sequences_of(histories, 7);
  const Evaluation valid =
      evaluate(sequences, Split::kValid, markov_ranker(sequences), {.mask_history = false});
  EXPECT_EQ(valid.ranks.back(), 2) << "behind item 6 alone";
}

}  // namespace
}  // namespace vragent::recommender
