// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/case_maker.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/small_world.h"
#include "support/shared_data.h"
#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/util/error.h"

namespace vragent::simulator {
namespace {

using test::SmallWorld;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string lines_of(const CaseSet& set) {
  std::string lines;
  for (const data::Case& row : set.cases) lines += to_line(row) + '\n';
  return lines;
}

const data::Case& find_case(const CaseSet& set, const std::string& case_id) {
  const auto found = std::find_if(set.cases.begin(), set.cases.end(), [&](const data::Case& row) {
    return row.case_id == case_id;
  });
  if (found == set.cases.end()) throw std::logic_error("no case " + case_id);
  return *found;
}

std::vector<std::string> ids_of(const data::Case& row) {
  std::vector<std::string> ids;
  for (const data::Candidate& shown : row.candidates) ids.push_back(shown.item_id);
  return ids;
}

/// Item ids of a user's window.
std::vector<std::string> window_of(const SmallWorld& world, const std::string& user_id) {
  std::vector<std::string> ids;
  const auto user = static_cast<std::size_t>(world.sequences.user_index.at(user_id));
  for (const std::int32_t item : world.sequences.windows[user]) {
    ids.push_back(world.sequences.item_ids[static_cast<std::size_t>(item)]);
  }
  return ids;
}

std::set<std::string> negatives_of(const data::Case& row) {
  const auto ids = ids_of(row);
  std::set<std::string> negatives(ids.begin(), ids.end());
  negatives.erase(ids[static_cast<std::size_t>(row.answer_index)]);
  return negatives;
}

TEST(CaseMaker, AsksEachUserTheQuestionsOfThePaper) {
  const SmallWorld world;
  const CaseSet set = make_cases(world.sources(), {.num_users = 5});
  ASSERT_EQ(set.user_ids.size(), 5U);
  ASSERT_EQ(set.cases.size(), 20U);
  const std::string user = set.user_ids[0];
  EXPECT_EQ(set.cases[0].case_id, "u" + user + "-judge-pos-topk");
  EXPECT_EQ(set.cases[1].case_id, "u" + user + "-judge-neg-topk");
  EXPECT_EQ(set.cases[2].case_id, "u" + user + "-select3-topk");
  EXPECT_EQ(set.cases[3].case_id, "u" + user + "-select4-topk");
  EXPECT_EQ(set.cases[0].label, 1);
  EXPECT_EQ(set.cases[1].label, 0);
  EXPECT_EQ(set.cases[2].candidates.size(), 4U);
  EXPECT_EQ(set.cases[3].candidates.size(), 5U);
}

TEST(CaseMaker, ShowsAllButTheLastVideoWithTextsAndComments) {
  const SmallWorld world;
  const CaseSet set = make_cases(world.sources(), {.num_users = 1});
  const data::Case& row = set.cases[0];
  const auto window = window_of(world, row.user_id);
  ASSERT_EQ(row.history.size(), window.size() - 1);
  for (std::size_t i = 0; i < row.history.size(); ++i) EXPECT_EQ(row.history[i].item_id, window[i]);
  EXPECT_EQ(row.candidates[0].item_id, window.back());
  EXPECT_EQ(row.history[0].comment, "comment of " + row.user_id);
  EXPECT_EQ(row.history[0].title, "title " + row.history[0].item_id.substr(1));
}

TEST(CaseMaker, NegativesAreNeverVideosOfTheUserAndTheTargetIsThereOnce) {
  const SmallWorld world;
  const CaseSet set =
      make_cases(world.sources(),
                 {.negatives = {"topk", "uniform", "popmatch"}, .num_users = 0, .users = "all"});
  EXPECT_GT(set.cases.size(), 200U);
  for (const data::Case& row : set.cases) {
    const auto window = window_of(world, row.user_id);
    for (std::size_t i = 0; i < row.candidates.size(); ++i) {
      const bool is_target = row.task == data::Task::kJudge
                                 ? row.label == 1
                                 : static_cast<std::int64_t>(i) == row.answer_index;
      const std::string& id = row.candidates[i].item_id;
      const bool in_window = std::find(window.begin(), window.end(), id) != window.end();
      EXPECT_EQ(in_window, is_target) << row.case_id;
      if (is_target) {
        EXPECT_EQ(id, window.back());
      }
      const auto& list = world.lists.at(row.user_id).items;
      if (!is_target && row.negatives == "topk") {
        EXPECT_THAT(list, ::testing::Contains(id));
      }
    }
  }
}

TEST(CaseMaker, SmallerSetsOfNegativesAreNestedInLargerOnes) {
  const SmallWorld world;
  const CaseSet set = make_cases(world.sources(), {.num_users = 6});
  for (const std::string& user : set.user_ids) {
    const auto three = negatives_of(find_case(set, "u" + user + "-select3-topk"));
    const auto four = negatives_of(find_case(set, "u" + user + "-select4-topk"));
    EXPECT_EQ(three.size(), 3U);
    EXPECT_EQ(four.size(), 4U);
    EXPECT_TRUE(std::includes(four.begin(), four.end(), three.begin(), three.end()));
    EXPECT_TRUE(three.contains(ids_of(find_case(set, "u" + user + "-judge-neg-topk"))[0]));
  }
}

TEST(CaseMaker, IsTheSameForTheSameSeedAndDiffersForAnother) {
  const SmallWorld world;
  EXPECT_EQ(lines_of(make_cases(world.sources(), {.num_users = 8})),
            lines_of(make_cases(world.sources(), {.num_users = 8})));
  EXPECT_NE(lines_of(make_cases(world.sources(), {.num_users = 8})),
            lines_of(make_cases(world.sources(), {.num_users = 8, .seed = 2})));
}

TEST(CaseMaker, AUsersCasesDoNotDependOnTheOtherUsers) {
  const SmallWorld world;
  const CaseSet few = make_cases(world.sources(), {.num_users = 3});
  const CaseSet many = make_cases(world.sources(), {.num_users = 0, .users = "all"});
  for (const data::Case& row : few.cases) {
    EXPECT_EQ(to_line(row), to_line(find_case(many, row.case_id)));
  }
}

TEST(CaseMaker, TakesColdUsersUnlessToldOtherwise) {
  const SmallWorld world;
  const CaseSet cold = make_cases(world.sources(), {.num_users = 0});
  EXPECT_EQ(cold.num_eligible, 20);
  for (const data::Case& row : cold.cases) EXPECT_EQ(row.history.size(), 4U);
  EXPECT_EQ(make_cases(world.sources(), {.num_users = 0, .users = "all"}).num_eligible, 30);
  EXPECT_EQ(
      make_cases(world.sources(), {.num_users = 0, .users = "all", .min_history = 6}).num_eligible,
      10);
}

TEST(CaseMaker, LeavesOutTheUsersOfOtherFiles) {
  const SmallWorld world;
  const vragent::test::TempDir folder;
  const CaseSet first = make_cases(world.sources(), {.num_users = 7});
  write_file(folder / "cases.jsonl", lines_of(first));
  write_file(folder / "users.txt", "1\r\n2\n");
  const CaseSet second =
      make_cases(world.sources(),
                 {.num_users = 0, .exclude_users = {folder / "cases.jsonl", folder / "users.txt"}});
  EXPECT_GE(second.num_excluded, 7);
  for (const std::string& user : second.user_ids) {
    EXPECT_THAT(first.user_ids, Each(::testing::Ne(user)));
    EXPECT_NE(user, "1");
    EXPECT_NE(user, "2");
  }
  EXPECT_EQ(second.num_eligible + second.num_excluded, 20);
}

TEST(CaseMaker, CountsUsersItHasToPassOver) {
  SmallWorld world;
  world.lists.erase("1");
  world.lists.at("2").items.resize(2);
  world.lists.at("2").scores.resize(2);
  const CaseSet set = make_cases(world.sources(), {.num_users = 0});
  EXPECT_EQ(set.num_without_list, 1);
  EXPECT_GE(set.num_few_negatives, 1);
  EXPECT_EQ(set.num_without_list + set.num_few_negatives + std::ssize(set.user_ids), 20);
  EXPECT_THAT(set.user_ids, Each(::testing::AllOf(::testing::Ne("1"), ::testing::Ne("2"))));
}

TEST(CaseMaker, PassesOverUsersWhoseVideosHaveNoText) {
  SmallWorld world;
  const std::string missing = window_of(world, "4").front();
  data::Catalogue rest;
  for (const data::Item& item : world.catalogue.items) {
    if (item.id != missing) rest.add(item, "test");
  }
  world.catalogue = rest;
  const CaseSet set = make_cases(world.sources(), {.num_users = 0});
  EXPECT_GE(set.num_without_text, 1);
  EXPECT_THAT(lines_of(set), ::testing::Not(HasSubstr("\"" + missing + "\"")));
}

TEST(CaseMaker, KeepsRecommenderAndPopularityApart) {
  const SmallWorld world;
  const CaseSet set = make_cases(world.sources(), {.num_users = 4});
  for (const data::Case& row : set.cases) {
    const data::TopK& list = world.lists.at(row.user_id);
    for (std::size_t i = 0; i < row.candidates.size(); ++i) {
      const auto place = std::find(list.items.begin(), list.items.end(), row.candidates[i].item_id);
      const bool listed = place != list.items.end();
      EXPECT_EQ(row.aux.rec_rank[i],
                listed ? static_cast<double>(place - list.items.begin() + 1) : 0);
      EXPECT_EQ(row.aux.rec_score[i],
                listed ? list.scores[static_cast<std::size_t>(place - list.items.begin())]
                       : list.scores.back());
      const auto item = world.sequences.item_index.at(row.candidates[i].item_id);
      EXPECT_EQ(row.aux.popularity[i],
                static_cast<double>(world.sequences.train_counts[static_cast<std::size_t>(item)]));
    }
    EXPECT_THAT(to_line(row.without_answer()), ::testing::Not(HasSubstr("popularity")));
  }
}

TEST(CaseMaker, ValidSplitAsksForTheSecondLastAndHidesTheLast) {
  const SmallWorld world;
  const CaseSet set = make_cases(world.sources(), {.num_users = 6, .split = "valid"});
  for (const data::Case& row : set.cases) {
    EXPECT_THAT(row.case_id, HasSubstr("-valid-"));
    const auto window = window_of(world, row.user_id);
    EXPECT_EQ(row.history.size(), window.size() - 2);
    EXPECT_THAT(to_line(row), ::testing::Not(HasSubstr("\"" + window.back() + "\"")));
  }
  const std::string first = set.user_ids[0];
  EXPECT_EQ(find_case(set, "u" + first + "-valid-judge-pos-topk").candidates[0].item_id,
            window_of(world, first)[3]);
}

TEST(CaseMaker, FeedbackJudgesTheListFromTheTrainPartWithoutLabels) {
  const SmallWorld world;
  const CaseSet set = make_cases(world.sources(), {.tasks = {"feedback"}, .num_users = 5});
  EXPECT_EQ(set.user_ids.size(), 5U);
  for (const data::Case& row : set.cases) {
    EXPECT_EQ(row.task, data::Task::kJudge);
    EXPECT_EQ(row.label, -1);
    EXPECT_EQ(row.case_id, "u" + row.user_id + "-feedback-i" + row.candidates[0].item_id);
    const auto window = window_of(world, row.user_id);
    ASSERT_EQ(row.history.size(), window.size() - 2);
    for (std::size_t i = 0; i < row.history.size(); ++i) {
      EXPECT_EQ(row.history[i].item_id, window[i]);
      EXPECT_NE(row.candidates[0].item_id, window[i]) << "a train item is no news";
    }
  }
}

TEST(CaseMaker, PopmatchNegativesAreAsPopularAsThePositive) {
  const auto path = vragent::test::shared_data("data/microlens-50k/MicroLens-50k_pairs.tsv");
  if (!path) GTEST_SKIP() << "data/microlens-50k is not among the shared test data";
  const auto sequences = data::formats::load_sequences(*path, {}, {});
  const auto catalogue =
      data::formats::load_items(path->parent_path() / "MicroLens-50k_titles.csv");
  const CaseSet set =
      make_cases({sequences, catalogue}, {.negatives = {"uniform", "popmatch"}, .num_users = 1000});
  ASSERT_EQ(set.user_ids.size(), 1000U);
  ASSERT_EQ(set.cases.size(), 8000U);
  std::map<std::string, double> sum;
  for (const data::Case& row : set.cases) {
    if (row.task == data::Task::kJudge) {
      sum[row.negatives + std::to_string(row.label)] += row.aux.popularity[0];
    }
  }
  EXPECT_NEAR(sum.at("popmatch0") / sum.at("popmatch1"), 1.0, 0.1);
  EXPECT_GT(sum.at("uniform1") / sum.at("uniform0"), 1.1) << "held-out videos are popular ones";
}

TEST(CaseConfig, IsRefusedByName) {
  const auto error_of = [](const CaseConfig& config) -> std::string {
    try {
      const SmallWorld world;
      make_cases({world.sequences, world.catalogue}, config);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of({.tasks = {"rank"}}), HasSubstr("--tasks must be one of"));
  EXPECT_THAT(error_of({.tasks = {}}), HasSubstr("--tasks must name at least one"));
  EXPECT_THAT(error_of({.tasks = {"judge", "feedback"}}),
              HasSubstr("--tasks feedback stands alone"));
  EXPECT_THAT(error_of({.m = {3, 3}}), HasSubstr("--m names one of its values twice"));
  EXPECT_THAT(error_of({.m = {26}}), HasSubstr("--m must be in [1, 25]"));
  EXPECT_THAT(error_of({.negatives = {"hard"}}), HasSubstr("--negatives"));
  EXPECT_THAT(error_of({.users = "warm"}), HasSubstr("--users"));
  EXPECT_THAT(error_of({.split = "train"}), HasSubstr("--split"));
  EXPECT_THAT(error_of({}), HasSubstr("--topk is required"));
  EXPECT_EQ(error_of({.negatives = {"uniform"}, .num_users = 1}), "no error");
}

}  // namespace
}  // namespace vragent::simulator
