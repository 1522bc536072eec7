// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/controls.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/simulator/agents/by_name.h"
#include "vragent/util/error.h"

namespace vragent::simulator::agents {
namespace {

using data::AnswerStatus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

data::Case judge_case(int index, double popularity, double rank, const std::string& kind = "topk") {
  data::Case row;
  row.case_id = kind + std::to_string(index);
  row.user_id = "u";
  row.negatives = kind;
  row.candidates = {{"9", "t", ""}};
  row.aux = {{}, {rank}, {popularity}};
  return row;
}

data::Case select_case(const std::vector<double>& popularity, const std::vector<double>& ranks) {
  data::Case row;
  row.case_id = "s";
  row.user_id = "u";
  row.task = data::Task::kSelect;
  for (std::size_t i = 0; i < popularity.size(); ++i) {
    row.candidates.push_back({std::to_string(i), "t", ""});
  }
  row.aux = {{}, ranks, popularity};
  return row;
}

std::vector<data::Decision> run(const std::string& name,
                                const std::vector<data::Case>& cases,
                                std::int64_t repeat = 0,
                                std::int64_t seed = 1) {
  const Agent agent = control_agent(name, cases, seed);
  EXPECT_EQ(agent.name, name);
  EXPECT_TRUE(agent.sees_aux);
  return agent.decide(cases, repeat);
}

std::vector<bool> answers(const std::vector<data::Decision>& decisions) {
  std::vector<bool> yes;
  for (const data::Decision& decision : decisions) yes.push_back(decision.yes.value());
  return yes;
}

TEST(PopControl, SaysYesAboveTheMedianOfItsKindOfNegatives) {
  const std::vector<data::Case> cases = {judge_case(0, 1, 0),
                                         judge_case(1, 2, 0),
                                         judge_case(2, 8, 0),
                                         judge_case(3, 9, 0),
                                         judge_case(0, 8, 0, "uniform"),
                                         judge_case(1, 20, 0, "uniform")};
  const auto decisions = run("pop", cases);
  EXPECT_THAT(answers(decisions), ElementsAre(false, false, true, true, false, true));
  EXPECT_EQ(decisions[0].p_yes, 0.125);
  EXPECT_EQ(decisions[3].p_yes, 0.875);
}

TEST(PopControl, TossesACoinAtTheMedianAndChoosesTheMostPopular) {
  std::vector<data::Case> cases;
  for (int i = 0; i < 400; ++i) cases.push_back(judge_case(i, 5, 0));
  int num_yes = 0;
  for (const bool yes : answers(run("pop", cases))) num_yes += yes ? 1 : 0;
  EXPECT_GT(num_yes, 150);
  EXPECT_LT(num_yes, 250);
  EXPECT_EQ(run("pop", {select_case({3, 7, 1}, {})})[0].choice, 1);
}

TEST(RecscoreControl, FollowsTheRecommendersListAndAntirecFleesIt) {
  const std::vector<data::Case> cases = {
      judge_case(0, 1, 3), judge_case(1, 1, 0), select_case({1, 1, 1}, {4, 0, 2})};
  const auto follows = run("recscore", cases);
  EXPECT_EQ(follows[0].yes, true);
  EXPECT_EQ(follows[1].yes, false);
  EXPECT_EQ(follows[2].choice, 2) << "the best ranked";
  const auto flees = run("antirec", cases);
  EXPECT_EQ(flees[0].yes, false);
  EXPECT_EQ(flees[1].yes, true);
  EXPECT_EQ(flees[2].choice, 1) << "the one outside of the list";
  EXPECT_EQ(run("antirec", {select_case({1, 1, 1}, {4, 7, 2})})[0].choice, 1) << "the worst ranked";
}

TEST(Controls, StayUnansweredWithoutTheScoresTheyNeed) {
  data::Case bare = judge_case(0, 1, 1);
  bare.aux = {};
  data::Case other = judge_case(1, 1, 1);
  other.case_id = "other";
  for (const char* name : {"pop", "recscore", "antirec"}) {
    const data::Decision decision = run(name, {bare, other})[0];
    EXPECT_EQ(decision.status, AnswerStatus::kEmpty) << name;
    EXPECT_FALSE(decision.yes.has_value()) << name;
  }
}

TEST(Controls, OfTheRecommenderRefuseCasesMadeWithoutOne) {
  data::Case bare = judge_case(0, 1, 1);
  bare.aux = {};
  EXPECT_THROW(run("recscore", {bare}), DataError);
  EXPECT_THROW(run("antirec", {bare}), DataError);
}

TEST(RandomControl, IsFairReproducibleAndChangesWithRepeatAndSeed) {
  std::vector<data::Case> cases;
  for (int i = 0; i < 2000; ++i) {
    cases.push_back(select_case({0, 0, 0, 0}, {}));
    cases.back().case_id = std::to_string(i);
  }
  std::map<std::int64_t, int> picks;
  const auto decisions = run("random", cases);
  for (const data::Decision& decision : decisions) ++picks[decision.choice.value()];
  for (const auto& [slot, count] : picks) EXPECT_NEAR(count, 500, 80) << slot;
  const auto choices = [](const std::vector<data::Decision>& rows) {
    std::vector<std::int64_t> all;
    for (const auto& row : rows) all.push_back(row.choice.value());
    return all;
  };
  EXPECT_EQ(choices(decisions), choices(run("random", cases)));
  EXPECT_NE(choices(decisions), choices(run("random", cases, 1)));
  EXPECT_NE(choices(decisions), choices(run("random", cases, 0, 2)));
  const Agent agent = control_agent("random", cases, 1);
  EXPECT_EQ(agent.decide(std::span(cases).subspan(7, 1), 0)[0].choice, decisions[7].choice)
      << "a decision does not depend on its batch";
}

TEST(AlwaysYesControl, SaysYesAndTakesTheFirstSlot) {
  const auto decisions = run("always-yes", {judge_case(0, 1, 0), select_case({1, 2}, {})});
  EXPECT_EQ(decisions[0].yes, true);
  EXPECT_EQ(decisions[1].choice, 0);
}

TEST(AgentByName, KnowsWhoNeedsAModel) {
  EXPECT_THAT(
      agent_names(),
      ElementsAre("vragent", "zeroshot", "random", "always-yes", "pop", "recscore", "antirec"));
  EXPECT_TRUE(needs_model("vragent"));
  EXPECT_TRUE(needs_model("zeroshot"));
  EXPECT_FALSE(needs_model("pop"));
  for (const std::string& name : control_names()) {
    EXPECT_EQ(make_agent(name, nullptr, {}, {}).name, name);
  }
}

TEST(AgentByName, RefusesUnknownNamesAndAMissingModel) {
  const auto error_of = [](const std::string& name) -> std::string {
    try {
      make_agent(name, nullptr, {}, {});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of("oracle"), HasSubstr("--agent must be one of vragent, zeroshot"));
  EXPECT_THAT(error_of("vragent"), HasSubstr("--agent vragent needs a --model"));
}

}  // namespace
}  // namespace vragent::simulator::agents
