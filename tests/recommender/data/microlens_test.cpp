// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Published protocol, public data: MicroLens-50K must give the numbers of `recommender.md` 2.5.
#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/shared_data.h"
#include "vragent/data/formats/interaction_reader.h"
#include "vragent/recommender/counters.h"
#include "vragent/recommender/sequence_batches.h"

namespace vragent::recommender {
namespace {

using data::Split;

class MicroLens50K : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::shared_data("data/microlens-50k/MicroLens-50k_pairs.tsv");
    if (!path) GTEST_SKIP() << "data/microlens-50k is not among the shared test data";
    sequences = data::formats::load_sequences(*path, {}, {});
  }

  struct Row {
    double hit_rate_10, ndcg_10, hit_rate_20, ndcg_20;
    double mean_rank = 0;  ///< 0: not published
  };

  void expect_row(Split split, const ScoreFunction& ranker, const Row& wanted, bool mask = true) {
    const Evaluation got =
        evaluate(sequences, split, ranker, {.cutoffs = {10, 20}, .mask_history = mask});
    EXPECT_NEAR(got.all.cutoffs[0].hit_rate, wanted.hit_rate_10, 5e-7);
    EXPECT_NEAR(got.all.cutoffs[0].ndcg, wanted.ndcg_10, 5.1e-7);
    EXPECT_NEAR(got.all.cutoffs[1].hit_rate, wanted.hit_rate_20, 5e-7);
    EXPECT_NEAR(got.all.cutoffs[1].ndcg, wanted.ndcg_20, 5.1e-7);
    const double sum = std::accumulate(got.ranks.begin(), got.ranks.end(), 0.0);
    if (wanted.mean_rank > 0) {
      EXPECT_NEAR(sum / static_cast<double>(got.ranks.size()), wanted.mean_rank, 0.0051);
    }
  }

  data::Sequences sequences;
};

TEST_F(MicroLens50K, HasTheCountsOfTheProtocol) {
  EXPECT_EQ(sequences.num_users(), 50000);
  EXPECT_EQ(sequences.num_items(), 19099);
  std::int64_t in_windows = 0;
  std::int64_t in_train = 0;
  std::int64_t unseen_valid = 0;
  std::int64_t unseen_test = 0;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    in_windows += std::ssize(sequences.windows[static_cast<std::size_t>(user)]);
    in_train += std::ssize(sequences.train(user));
    const auto is_unseen = [&](Split split) {
      return sequences.train_counts[static_cast<std::size_t>(sequences.target(user, split))] == 0;
    };
    unseen_valid += is_unseen(Split::kValid) ? 1 : 0;
    unseen_test += is_unseen(Split::kTest) ? 1 : 0;
  }
  EXPECT_EQ(in_windows, 339511);
  EXPECT_EQ(in_train, 239511);
  EXPECT_EQ(unseen_valid, 877);
  EXPECT_EQ(unseen_test, 2261);
  const auto& counts = sequences.train_counts;
  EXPECT_EQ(std::count_if(counts.begin(), counts.end(), [](auto count) { return count > 0; }),
            18331);
  EXPECT_EQ(std::count(sequences.cold.begin(), sequences.cold.end(), true), 20346);
  EXPECT_EQ(std::count_if(sequences.full_lengths.begin(),
                          sequences.full_lengths.end(),
                          [](auto length) { return length > 13; }),
            2500);
  std::int64_t positions = 0;
  for (const TrainingRow& row : training_rows(sequences)) positions += std::ssize(row.items) - 1;
  EXPECT_EQ(positions, 189511);
}

TEST_F(MicroLens50K, RanksByPopularityAsPublished) {
  const ScoreFunction pop = popularity_ranker(sequences);
  expect_row(Split::kValid, pop, {.005220, .002657, .009160, .003638, 5802.71});
  expect_row(Split::kTest, pop, {.002840, .001459, .005160, .002028, 7561.57});
  expect_row(Split::kTest, pop, {.002840, .001393, .004820, .001871}, /*mask=*/false);
}

TEST_F(MicroLens50K, GroupsUsersByWhatThePopularReach) {
  const Evaluation pop = evaluate(sequences, Split::kTest, popularity_ranker(sequences));
  EXPECT_EQ(pop.cold.num_users, 20346);
  EXPECT_EQ(pop.warm.num_users, 29654);
  const auto groups = by_target_popularity(sequences, Split::kTest, pop, {10});
  ASSERT_EQ(groups.size(), 4U);
  const auto hits = [&](std::size_t group) {
    return groups[group].metrics.cutoffs[0].hit_rate *
           static_cast<double>(groups[group].metrics.num_users);
  };
  EXPECT_NEAR(hits(0), .002840 * 50000, 1e-6) << "what popularity finds is popular";
  for (const std::size_t group : {1U, 2U, 3U}) EXPECT_EQ(hits(group), 0.0) << groups[group].label;
  EXPECT_EQ(groups[3].metrics.num_users, 2261);
  EXPECT_EQ(by_history_length(sequences, pop, {10}).front().label, "5-6");
}

TEST_F(MicroLens50K, RanksByMarkovChainsAsPublished) {
  const ScoreFunction markov = markov_ranker(sequences);
  expect_row(Split::kValid, markov, {.060160, .037746, .070900, .040476, 5601.83});
  expect_row(Split::kTest, markov, {.042740, .026525, .050860, .028605, 7393.04});
}

}  // namespace
}  // namespace vragent::recommender
