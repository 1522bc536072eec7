// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// metrics.json of a training run: groups of users, and what the exported lists show.
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/data/top_k.h"
#include "vragent/recommender/training_run.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::recommender {
namespace {

/// Popularity over 20 items and 40 users with 5, 6, 7 or 8 interactions, 10 users of each.
class MetricsFile : public ::testing::Test {
 protected:
  MetricsFile() {
    std::string pairs;
    for (int user = 0; user < 40; ++user) {
      pairs += "u" + std::to_string(user) + "\t";
      for (int i = 0; i < 5 + user % 4; ++i) {
        const int item = i == 0 && user % 2 == 0 ? 0 : 1 + (user * 7 + i) % 19;
        pairs += std::to_string(100 + item) + " ";
      }
      pairs.back() = '\n';
    }
    write_file(folder_ / "pairs.tsv", pairs);
  }

  [[nodiscard]] TrainConfig config() const {
    TrainConfig config{.out = folder_ / "run", .interactions = folder_ / "pairs.tsv"};
    config.model = "pop";
    config.top_k = 4;
    config.top_k_splits = {"test", "valid"};
    config.runtime.threads = 1;
    return config;
  }

  test::TempDir folder_;
};

/// Users of groups, and their hits among ten.
std::pair<int, double> sums_of(const Json& groups) {
  std::pair<int, double> sums;
  for (const Json& group : groups) {
    sums.first += group["users"].get<int>();
    sums.second += group["users"].get<double>() * group["hr@10"].get<double>();
  }
  return sums;
}

TEST_F(MetricsFile, CutsUsersIntoGroupsThatAddUpToAll) {
  const Json metrics = parse_json_object(run_training(config()), "metrics");
  EXPECT_EQ(metrics["test"]["hr@50"], 1.0) << "of 20 items";
  EXPECT_EQ(metrics["test_cold"]["users"], 10);
  EXPECT_EQ(metrics["test_warm"]["users"], 30);
  EXPECT_EQ(metrics["by_history_length"]["5-6"]["users"], 20);
  EXPECT_EQ(metrics["by_history_length"]["7-9"]["users"], 20);
  EXPECT_GT(metrics["by_popularity"].size(), 1U);
  const Json by_warmth = {{"cold", metrics["test_cold"]}, {"warm", metrics["test_warm"]}};
  for (const Json& groups : {by_warmth, metrics["by_history_length"], metrics["by_popularity"]}) {
    const auto [users, hits] = sums_of(groups);
    EXPECT_EQ(users, 40) << groups;
    EXPECT_NEAR(hits, 40 * metrics["test"]["hr@10"].get<double>(), 1e-9) << groups;
  }
}

TEST_F(MetricsFile, SaysNothingOfUsersThatAreNotThere) {
  TrainConfig all_warm = config();
  all_warm.protocol.cold_max_len = 1;
  const Json metrics = parse_json_object(run_training(all_warm), "metrics");
  EXPECT_EQ(metrics["test_cold"]["users"], 0);
  EXPECT_TRUE(metrics["test_cold"]["hr@10"].is_null()) << metrics["test_cold"];
  EXPECT_TRUE(metrics["test_cold"]["mean_rank"].is_null()) << metrics["test_cold"];
  EXPECT_EQ(metrics["test_warm"]["hr@10"], metrics["test"]["hr@10"]);
}

TEST_F(MetricsFile, TellsWhatTheListsOfEachSplitShow) {
  const Json metrics = parse_json_object(run_training(config()), "metrics");
  for (const std::string split : {"test", "valid"}) {
    const std::string file = split == "test" ? "topk.jsonl" : "topk.valid.jsonl";
    std::set<std::string> items;
    for (const auto& [user, list] : data::load_top_k(folder_ / "run" / file))
      items.insert(list.items.begin(), list.items.end());
    const Json& lists = metrics["lists"][split];
    EXPECT_EQ(lists["k"], 4) << split;
    EXPECT_EQ(lists["coverage"], static_cast<double>(items.size()) / 20) << split;
    EXPECT_GT(lists["gini"].get<double>(), 0.5) << split;
    EXPECT_GT(lists["popularity_bias"].get<double>(), 1.0) << "popularity lists the popular";
    EXPECT_EQ(lists["popularity_bias"].get<double>(),
              lists["mean_popularity"].get<double>() / lists["history_popularity"].get<double>())
        << split;
  }
}

TEST_F(MetricsFile, MeasuresTheListsThatAreWritten) {
  TrainConfig only_valid = config();
  only_valid.top_k_splits = {"valid"};
  const Json lists = parse_json_object(run_training(only_valid), "metrics")["lists"];
  EXPECT_TRUE(lists.contains("valid"));
  EXPECT_FALSE(lists.contains("test"));
}

}  // namespace
}  // namespace vragent::recommender
