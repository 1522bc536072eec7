// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/tables/list_ranking.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::report::runs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// Files of one test.
class ListRankingFiles : public ::testing::Test {
 protected:
  ListRanking rank(const std::string& lists, const std::string& targets) {
    return rank_with(lists, targets, {1, 2});
  }

  ListRanking rank_with(const std::string& lists,
                        const std::string& targets,
                        const std::vector<std::int64_t>& k) {
    write_file(folder_ / "lists.jsonl", lists);
    write_file(folder_ / "targets", targets);
    return rank_lists({.lists = folder_ / "lists.jsonl", .targets = folder_ / "targets", .k = k});
  }

 private:
  vragent::test::TempDir folder_;
};

const std::string kTwoLists =
    "{\"user_id\": \"1\", \"items\": [\"a\", \"b\", \"c\"]}\n"
    "{\"user_id\": \"2\", \"items\": [\"c\", \"a\", \"b\"]}\n";

TEST_F(ListRankingFiles, CountsPlacesOfTargets) {
  const ListRanking ranking = rank(kTwoLists, "1,a\n2,a\n");
  const auto& metrics = ranking.metrics;
  EXPECT_EQ(metrics.num_users, 2);
  EXPECT_EQ(metrics.num_ranked, 2);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[0].hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[0].ndcg, 0.5);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[1].hit_rate, 1.0);
  EXPECT_DOUBLE_EQ(metrics.cutoffs[1].ndcg, (1 + 1 / std::log2(3.0)) / 2);
  EXPECT_DOUBLE_EQ(metrics.mrr, 0.75);
  EXPECT_DOUBLE_EQ(metrics.mean_rank, 1.5);
}

TEST_F(ListRankingFiles, TakeAListShorterThanTheCutOffAsAMissOfWhatIsNotInIt) {
  const ListRanking ranking =
      rank_with("{\"user_id\": \"1\", \"items\": [\"a\"]}\n{\"user_id\": \"2\", \"items\": []}\n",
                "1,a\n2,a\n",
                {10});
  EXPECT_EQ(ranking.metrics.num_users, 2);
  EXPECT_EQ(ranking.metrics.num_ranked, 1);
  EXPECT_EQ(ranking.metrics.num_without_list, 0);
  EXPECT_DOUBLE_EQ(ranking.metrics.cutoffs[0].hit_rate, 0.5);
  EXPECT_THAT(ranking_table(ranking).notes, ElementsAre(HasSubstr("at most 1 items: at 10")));
}

TEST_F(ListRankingFiles, CountAUserWithoutAListAsAMissAndSaySo) {
  const ListRanking ranking = rank(kTwoLists, "1,a\n7,a\n8,b\n");
  EXPECT_EQ(ranking.metrics.num_users, 3);
  EXPECT_EQ(ranking.metrics.num_without_list, 2);
  EXPECT_DOUBLE_EQ(ranking.metrics.cutoffs[0].hit_rate, 1.0 / 3);
  EXPECT_EQ(ranking.num_unused_lists, 1);
  EXPECT_THAT(ranking_table(ranking).notes,
              ElementsAre(HasSubstr("2 users have no list"), HasSubstr("1 lists are of users")));
}

TEST_F(ListRankingFiles, NeedNoNoteWhenEverybodyIsThere) {
  EXPECT_THAT(ranking_table(rank(kTwoLists, "1,a\n2,a\n")).notes, IsEmpty());
}

TEST_F(ListRankingFiles, ReadTargetsAsJsonCsvAndTabs) {
  const std::vector<std::string> forms = {
      "{\"user_id\": \"1\", \"item_id\": \"b\"}\n{\"user_id\": 2, \"item_id\": \"c\", \"x\": 0}\n",
      "1,b\n2,c\n",
      "user,item\n1,b\r\n 2 , c \r\n",
      "user_id,item_id\n\"1\",\"b\"\n2,c\n",
      "user_id:token\titem_id:token\n1\tb\n2\tc\n"};
  for (const std::string& form : forms) {
    const ListRanking ranking = rank(kTwoLists, form);
    EXPECT_EQ(ranking.metrics.num_users, 2) << form;
    EXPECT_DOUBLE_EQ(ranking.metrics.mrr, 0.75) << form;
  }
}

TEST_F(ListRankingFiles, TakeNoUserForAHeader) {
  const std::string lists = "{\"user_id\": \"user1\", \"items\": [\"item9\"]}\n";
  EXPECT_EQ(rank(lists, "user1,item9\n").metrics.num_ranked, 1);
  EXPECT_EQ(rank(lists, "{\"user_id\": \"user1\", \"item_id\": \"item9\"}").metrics.num_ranked, 1);
}

TEST_F(ListRankingFiles, RefuseARepeatedUserNamingTheLine) {
  EXPECT_THAT([&] { rank(kTwoLists, "1,a\n2,a\n1,b\n"); },
              ThrowsMessage<DataError>(HasSubstr("targets:3: user 1 has a target already")));
  EXPECT_THAT([&] { rank(kTwoLists + kTwoLists, "1,a\n"); },
              ThrowsMessage<DataError>(HasSubstr("lists.jsonl:3: user 1 has two lists")));
}

TEST_F(ListRankingFiles, RefuseBrokenLinesNamingThem) {
  EXPECT_THAT([&] { rank(kTwoLists, "1,a\n2\n"); },
              ThrowsMessage<DataError>(HasSubstr("targets:2: a target is")));
  EXPECT_THAT([&] { rank(kTwoLists, "{\"user_id\": \"1\"}\n"); },
              ThrowsMessage<DataError>(HasSubstr("targets:1: \"item_id\": missing")));
  EXPECT_THAT([&] { rank("{\"user_id\": \"1\", \"items\": [\"a\", \"a\"]}\n", "1,a\n"); },
              ThrowsMessage<DataError>(HasSubstr("lists.jsonl:1: \"items\": item a is there")));
  EXPECT_THAT([&] { rank("[1]\n", "1,a\n"); },
              ThrowsMessage<DataError>(HasSubstr("lists.jsonl:1: ")));
}

TEST_F(ListRankingFiles, RefuseAFileWithoutTargets) {
  EXPECT_THAT([&] { rank(kTwoLists, ""); }, ThrowsMessage<DataError>(HasSubstr("no targets")));
  EXPECT_THAT([&] { rank(kTwoLists, "user,item\n"); },
              ThrowsMessage<DataError>(HasSubstr("no targets")));
}

TEST_F(ListRankingFiles, RefuseCutOffsThatMakeNoSense) {
  EXPECT_THROW(rank_with(kTwoLists, "1,a\n", {0}), ConfigError);
  EXPECT_THROW(rank_with(kTwoLists, "1,a\n", {5, 5}), ConfigError);
  EXPECT_THROW(rank_with(kTwoLists, "1,a\n", {}), ConfigError);
}

TEST(ListRankingConfig, NeedsBothFilesAndOnlyOneStdin) {
  EXPECT_THAT([] { rank_lists({.targets = "t"}); },
              ThrowsMessage<ConfigError>(HasSubstr("--lists is required")));
  EXPECT_THAT([] { rank_lists({.lists = "l"}); },
              ThrowsMessage<ConfigError>(HasSubstr("--targets is required")));
  EXPECT_THAT([] { rank_lists({.lists = "-", .targets = "-"}); },
              ThrowsMessage<ConfigError>(HasSubstr("can be stdin")));
}

TEST_F(ListRankingFiles, GiveTheSameNumbersToPeopleAndMachines) {
  const ListRanking ranking = rank(kTwoLists, "1,a\n2,a\n");
  const Table table = ranking_table(ranking);
  EXPECT_THAT(table.columns,
              ElementsAre("users", "HR@1", "NDCG@1", "HR@2", "NDCG@2", "MRR", "mean_rank"));
  EXPECT_EQ(table.rows[0][1], "0.500000");
  const Json object = parse_json_object(ranking_json(ranking), "json");
  EXPECT_EQ(object["hr@1"], 0.5);
  EXPECT_EQ(object["mrr"], 0.75);
  EXPECT_EQ(object["users"], 2);
  EXPECT_EQ(object["without_list"], 0);
  EXPECT_EQ(object["unused_lists"], 0);
}

}  // namespace
}  // namespace vragent::report::runs
