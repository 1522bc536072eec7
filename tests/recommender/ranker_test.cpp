// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/ranker.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "recommender/small_sequences.h"
#include "support/tensor_matchers.h"
#include "vragent/util/error.h"

namespace vragent::recommender {
namespace {

using data::Split;
using torch::Tensor;

/// Scores from a fixed matrix [users, N+1], coarse enough to tie often.
ScoreFunction coarse_scores(const data::Sequences& sequences, torch::Dtype dtype) {
  const Tensor all =
      (test::randn({sequences.num_users(), sequences.num_items() + 1}, 3) * 2).round().to(dtype);
  return [all](const std::vector<std::int64_t>& users, Split) {
    return all.index_select(0, torch::tensor(users));
  };
}

/// Candidates of a user, best first; equal scores by ascending index.
std::vector<std::int64_t> naive_order(const data::Sequences& sequences,
                                      Split split,
                                      const ScoreFunction& score,
                                      std::int64_t user,
                                      bool mask_history) {
  const Tensor row = score({user}, split)[0].to(torch::kFloat64);
  const auto seen = sequences.seen(user, split);
  std::vector<std::int64_t> order;
  for (std::int64_t item = 1; item <= sequences.num_items(); ++item) {
    const bool masked = mask_history && std::count(seen.begin(), seen.end(), item) > 0 &&
                        item != sequences.target(user, split);
    if (!masked) order.push_back(item);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return row[a].item<double>() > row[b].item<double>();
  });
  return order;
}

class Ranking : public ::testing::TestWithParam<torch::Dtype> {
 protected:
  data::Sequences sequences = random_sequences(40, 25, 1);
  ScoreFunction score = coarse_scores(sequences, GetParam());
};

TEST_P(Ranking, EqualsASortOfTheCandidates) {
  for (const Split split : {Split::kValid, Split::kTest}) {
    for (const bool mask : {true, false}) {
      const Evaluation got =
          evaluate(sequences, split, score, {.batch_users = 7, .mask_history = mask});
      for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
        const auto order = naive_order(sequences, split, score, user, mask);
        const auto place = std::find(order.begin(), order.end(), sequences.target(user, split));
        EXPECT_EQ(got.ranks[static_cast<std::size_t>(user)], place - order.begin() + 1);
      }
    }
  }
}

TEST_P(Ranking, AveragesAllColdAndWarmUsers) {
  const Evaluation got = evaluate(sequences, Split::kTest, score, {.cutoffs = {3, 10}});
  double hits = 0;
  double ndcg = 0;
  double cold_hits = 0;
  std::int64_t cold = 0;
  for (std::size_t user = 0; user < got.ranks.size(); ++user) {
    const bool hit = got.ranks[user] <= 10;
    hits += hit ? 1 : 0;
    ndcg += hit ? 1 / std::log2(static_cast<double>(got.ranks[user]) + 1) : 0;
    if (!sequences.cold[user]) continue;
    ++cold;
    cold_hits += hit ? 1 : 0;
  }
  ASSERT_GT(cold, 0);
  ASSERT_LT(cold, 25);
  EXPECT_NEAR(got.all.cutoffs[1].hit_rate, hits / 25, 1e-12);
  EXPECT_NEAR(got.all.cutoffs[1].ndcg, ndcg / 25, 1e-12);
  EXPECT_EQ(got.cold.num_users, cold);
  EXPECT_NEAR(got.cold.cutoffs[1].hit_rate, cold_hits / static_cast<double>(cold), 1e-12);
  EXPECT_EQ(got.warm.num_users, 25 - cold);
  EXPECT_NEAR(
      got.warm.cutoffs[1].hit_rate, (hits - cold_hits) / static_cast<double>(25 - cold), 1e-12);
}

TEST_P(Ranking, CountsUsersWhoseTargetTies) {
  std::int64_t tied = 0;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const Tensor row = score({user}, Split::kTest)[0];
    const auto target = sequences.target(user, Split::kTest);
    const auto order = naive_order(sequences, Split::kTest, score, user, true);
    tied += std::any_of(order.begin(), order.end(), [&](std::int64_t item) {
      return item != target && row[item].item<double>() == row[target].item<double>();
    });
  }
  EXPECT_EQ(evaluate(sequences, Split::kTest, score).num_tied, tied);
}

TEST_P(Ranking, ListsTheBestUnseenItemsWithTiesByIndex) {
  for (const Split split : {Split::kValid, Split::kTest}) {
    const auto lists = top_k_lists(sequences, split, score, 6, /*batch_users=*/4);
    ASSERT_EQ(lists.size(), 25);
    for (std::int64_t user = 0; user < 25; ++user) {
      const data::TopK& list = lists[static_cast<std::size_t>(user)];
      EXPECT_EQ(list.user_id, sequences.user_ids[static_cast<std::size_t>(user)]);
      auto order = naive_order(sequences, split, score, user, true);
      const auto seen = sequences.seen(user, split);
      std::erase_if(order, [&](std::int64_t item) {  // a target that was seen before
        return std::count(seen.begin(), seen.end(), item) > 0;
      });
      for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(list.items[i], sequences.item_ids[static_cast<std::size_t>(order[i])]) << user;
        EXPECT_EQ(list.scores[i], score({user}, split)[0][order[i]].item<double>());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types,
                         Ranking,
                         ::testing::Values(torch::kFloat32, torch::kFloat64),
                         [](const auto& instance) {
                           return instance.param == torch::kFloat32 ? "float" : "double";
                         });

TEST(TopKLists, AreShorterWhereFewerItemsAreUnseen) {
  const data::Sequences sequences = sequences_of({{0, 1, 2, 3, 4}, {5, 1, 2, 3, 0, 4}}, 6);
  const ScoreFunction flat = [&](const std::vector<std::int64_t>& users, Split) {
    return torch::zeros({static_cast<std::int64_t>(users.size()), 7});
  };
  const auto lists = top_k_lists(sequences, Split::kTest, flat, 10);
  EXPECT_EQ(lists[0].items, (std::vector<std::string>{"104", "105"}));
  EXPECT_EQ(lists[1].items, (std::vector<std::string>{"104"}));
}

TEST(TopKLists, OfTheTrainPartAreOfUsersWithAHistoryBeforeItsLastItem) {
  const data::Sequences sequences =
      sequences_of({{0, 1, 2, 3}, {2, 3, 4}, {4, 3, 1, 0, 2}}, 5, {.min_len = 3});
  const ScoreFunction by_index = [&](const std::vector<std::int64_t>& users, Split split) {
    EXPECT_EQ(split, Split::kTrain);
    return torch::arange(6, 0, -1).expand({static_cast<std::int64_t>(users.size()), 6});
  };
  const auto lists = top_k_lists(sequences, Split::kTrain, by_index, 3, /*batch_users=*/2);
  ASSERT_EQ(lists.size(), 2);
  EXPECT_EQ(lists[0].user_id, "u1");
  EXPECT_EQ(lists[0].items, (std::vector<std::string>{"101", "102", "103"}));
  EXPECT_EQ(lists[1].user_id, "u3");
  EXPECT_EQ(lists[1].items, (std::vector<std::string>{"100", "101", "102"}));
  const ListExposure exposure = exposure_of(sequences, Split::kTrain, lists);
  const auto times_watched = [&](const char* item) {
    return static_cast<double>(
        sequences.train_counts[static_cast<std::size_t>(sequences.item_index.at(item))]);
  };
  EXPECT_DOUBLE_EQ(exposure.target_popularity, (times_watched("101") + times_watched("101")) / 2);
  EXPECT_DOUBLE_EQ(exposure.history_popularity,
                   (times_watched("100") + times_watched("104") + times_watched("103")) / 3);
}

TEST(Evaluate, TakesAnItemWatchedTwiceOutOnce) {
  const data::Sequences sequences = sequences_of({{1, 1, 1, 0, 2}, {3, 4, 3, 1, 0}}, 5);
  const ScoreFunction by_index = [&](const std::vector<std::int64_t>& users, Split) {
    return torch::arange(6, 0, -1).expand({static_cast<std::int64_t>(users.size()), 6});
  };
  EXPECT_EQ(evaluate(sequences, Split::kTest, by_index).ranks, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(evaluate(sequences, Split::kValid, by_index).ranks, (std::vector<std::int64_t>{1, 2}));
}

TEST(Evaluate, HasFourCutOffsUnlessTold) {
  const data::Sequences sequences = random_sequences(60, 25, 1);
  const Evaluation got =
      evaluate(sequences, Split::kTest, coarse_scores(sequences, torch::kFloat32));
  std::vector<std::int64_t> cutoffs;
  for (const metrics::CutoffMetrics& at : got.all.cutoffs) cutoffs.push_back(at.k);
  EXPECT_EQ(cutoffs, (std::vector<std::int64_t>{5, 10, 20, 50}));
}

TEST(ByHistoryLength, CountsWhatTheWindowCutOffAndWhatIsHeldOut) {
  std::vector<std::vector<std::int32_t>> histories;
  for (const std::size_t length : {5U, 20U, 7U, 6U}) {
    std::vector<std::int32_t>& history = histories.emplace_back(length);
    std::iota(history.begin(), history.end(), 0);
  }
  const auto groups =
      by_history_length(sequences_of(histories, 20), {.ranks = {1, 2, 30, 4}}, {3, 9});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].label, "5-6");
  EXPECT_EQ(groups[0].metrics.num_users, 2);
  EXPECT_DOUBLE_EQ(groups[0].metrics.cutoffs[0].hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(groups[0].metrics.cutoffs[1].hit_rate, 1.0);
  EXPECT_EQ(groups[1].label, "7-9");
  EXPECT_DOUBLE_EQ(groups[1].metrics.mean_rank, 30.0);
  EXPECT_EQ(groups[2].label, "20-49");
  EXPECT_DOUBLE_EQ(groups[2].metrics.mrr, 0.5);
}

/// Of items 100 .. 105 train parts hold 5, 4, 3, 2, 1 and 0: head, mid, mid, tail, tail, unseen.
data::Sequences stepped_popularity() {
  return sequences_of(
      {{0, 1, 2, 3, 5}, {0, 1, 2, 5, 3}, {0, 1, 2, 3, 4}, {0, 1, 3, 4, 2}, {0, 3, 4, 2, 1}}, 6);
}

TEST(ByTargetPopularity, GroupsUsersByTheTargetOfTheSplit) {
  const data::Sequences sequences = stepped_popularity();
  const Evaluation evaluation{.ranks = {1, 2, 3, 4, 5}};
  const auto check = [&](Split split, const std::vector<double>& mean_ranks) {
    const auto groups = by_target_popularity(sequences, split, evaluation, {4});
    ASSERT_EQ(groups.size(), 3U) << "no target is in the head";
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(groups[i].label, (std::vector<std::string>{"mid", "tail", "unseen"})[i]);
      EXPECT_DOUBLE_EQ(groups[i].metrics.mean_rank, mean_ranks[i]) << groups[i].label;
    }
  };
  check(Split::kTest, {(4.0 + 5) / 2, (2.0 + 3) / 2, 1.0});
  check(Split::kValid, {5.0, (1.0 + 3 + 4) / 3, 2.0});
}

TEST(ExposureOf, MeasuresListsAgainstHistoriesAndTargets) {
  const data::Sequences sequences = stepped_popularity();
  const std::vector<data::TopK> lists = {
      {.user_id = "u1", .items = {"100", "105"}, .scores = {2, 1}},
      {.user_id = "u2", .items = {"101", "100"}, .scores = {2, 1}}};
  const ListExposure got = exposure_of(sequences, Split::kTest, lists);
  EXPECT_DOUBLE_EQ(got.coverage, 0.5);
  EXPECT_DOUBLE_EQ(got.gini, (1.0 * 1 + 3.0 * 1 + 5.0 * 2) / (6 * 4));
  EXPECT_DOUBLE_EQ(got.mean_popularity, (5.0 + 0 + 4 + 5) / 4);
  EXPECT_DOUBLE_EQ(got.history_popularity, (25.0 + 16 + 9 + 4 + 1 + 2 + 0 + 2 + 1 + 3) / 20);
  EXPECT_DOUBLE_EQ(got.target_popularity, (0.0 + 2 + 1 + 3 + 4) / 5);
  EXPECT_DOUBLE_EQ(got.popularity_bias, 3.5 / 3.15);
  const ListExposure valid = exposure_of(sequences, Split::kValid, {});
  EXPECT_EQ(valid.coverage, 0.0);
  EXPECT_DOUBLE_EQ(valid.history_popularity, 55.0 / 15);
  EXPECT_DOUBLE_EQ(valid.target_popularity, (2.0 + 0 + 2 + 1 + 3) / 5);
  EXPECT_EQ(valid.popularity_bias, 0.0);
}

TEST(Evaluate, RanksNoUserWithScoresThatAreNoNumbers) {
  const data::Sequences sequences = random_sequences(20, 5, 2);
  for (const bool target_only : {true, false}) {
    const ScoreFunction broken = [&](const std::vector<std::int64_t>& users, Split split) {
      Tensor scores = torch::zeros({static_cast<std::int64_t>(users.size()), 21});
      const std::int64_t item = sequences.target(users.back(), split);
      scores[-1][target_only ? item : (item == 1 ? 2 : 1)] = NAN;
      return scores;
    };
    EXPECT_THROW(evaluate(sequences, Split::kTest, broken), Error) << target_only;
    EXPECT_THROW(top_k_lists(sequences, Split::kTest, broken, 20), Error) << target_only;
  }
}

TEST(Evaluate, RefusesScoresForAnotherCatalogue) {
  const data::Sequences sequences = random_sequences(20, 5, 2);
  const ScoreFunction short_rows = [](const std::vector<std::int64_t>& users, Split) {
    return torch::zeros({static_cast<std::int64_t>(users.size()), 7});
  };
  EXPECT_THROW(evaluate(sequences, Split::kTest, short_rows), c10::Error);
}

}  // namespace
}  // namespace vragent::recommender
