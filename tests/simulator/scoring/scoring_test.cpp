// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/scoring.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/scoring/scored_cases.h"
#include "vragent/simulator/scoring/score_report.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

using test::choose;
using test::judge;
using test::make_decision;
using test::make_scored_cases;
using test::right_on;
using ::testing::Contains;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Scoring, CountsJudgmentsAsThePaperDoes) {
  const auto cases = make_scored_cases(4);
  NamedDecisions agent{"a", {}};
  // Positives: Yes Yes Yes No; negatives: Yes No No No.
  const std::vector<bool> positive = {true, true, true, false};
  const std::vector<bool> negative = {true, false, false, false};
  for (std::size_t user = 0; user < 4; ++user) {
    agent.decisions.push_back(judge(cases[3 * user], "a", positive[user]));
    agent.decisions.push_back(judge(cases[3 * user + 1], "a", negative[user]));
  }
  const Scores scores = score_agents(cases, {agent}, {});
  ASSERT_EQ(scores.agents.size(), 1U);
  ASSERT_EQ(scores.agents[0].judge.size(), 1U);
  const JudgeScore& score = scores.agents[0].judge[0];
  EXPECT_EQ(score.num_cases, 8);
  EXPECT_EQ(score.counts.true_positive, 3);
  EXPECT_EQ(score.counts.false_positive, 1);
  EXPECT_DOUBLE_EQ(score.metrics.accuracy, 0.75);
  EXPECT_DOUBLE_EQ(score.metrics.precision, 0.75);
  EXPECT_DOUBLE_EQ(score.metrics.recall, 0.75);
  EXPECT_DOUBLE_EQ(score.metrics.f1, 0.75);
  EXPECT_DOUBLE_EQ(score.metrics.yes_rate, 0.5);
  EXPECT_EQ(scores.agents[0].num_missing, 4) << "the selections";
  EXPECT_TRUE(scores.agents[0].select.empty());
}

// Intervals of the published accuracies at n = 1,000.
TEST(Scoring, GivesTheWilsonIntervalsOfThePublishedNumbers) {
  const auto cases = make_scored_cases(1000);
  const Scores scores = score_agents(cases, {right_on(cases, "a", 641)}, {.draws = 0});
  const SelectScore& select = scores.agents[0].select[0];
  EXPECT_EQ(select.m, 3);
  EXPECT_DOUBLE_EQ(select.accuracy.value, 0.641);
  EXPECT_NEAR(select.accuracy.interval.low, 0.611, 5e-4);
  EXPECT_NEAR(select.accuracy.interval.high, 0.670, 5e-4);
  EXPECT_DOUBLE_EQ(select.chance, 0.25);
}

TEST(Scoring, RepeatsDoNotNarrowTheInterval) {
  const auto cases = make_scored_cases(100);
  const NamedDecisions once = right_on(cases, "a", 60);
  NamedDecisions thrice = once;
  for (const std::int64_t repeat : {1, 2}) {
    for (data::Decision decision : once.decisions) {
      decision.repeat = repeat;
      thrice.decisions.push_back(decision);
    }
  }
  const Scores first = score_agents(cases, {once}, {.draws = 0});
  const Scores second = score_agents(cases, {thrice}, {.draws = 0});
  EXPECT_EQ(second.agents[0].num_repeats, 3);
  EXPECT_EQ(second.agents[0].select[0].num_rows, 300);
  EXPECT_EQ(second.agents[0].select[0].num_cases, 100);
  EXPECT_EQ(first.agents[0].select[0].accuracy.interval,
            second.agents[0].select[0].accuracy.interval);
  EXPECT_EQ(first.agents[0].judge[0].accuracy_interval,
            second.agents[0].judge[0].accuracy_interval);
  EXPECT_EQ(second.agents[0].select[0].over_repeats.num_values, 3);
  EXPECT_DOUBLE_EQ(second.agents[0].select[0].over_repeats.mean, 0.6);
}

TEST(Scoring, CountsUnreadAnswersAsWrongAndAlsoAtChance) {
  const auto cases = make_scored_cases(2);
  NamedDecisions agent{"a", {}};
  agent.decisions = {judge(cases[0], "a", true),
                     make_decision(cases[1], "a"),
                     choose(cases[2], "a", 0),
                     make_decision(cases[5], "a")};
  agent.decisions[1].status = data::AnswerStatus::kTruncated;
  agent.decisions[3].status = data::AnswerStatus::kAmbiguous;
  const AgentScore score = score_agents(cases, {agent}, {}).agents[0];
  EXPECT_DOUBLE_EQ(score.judge[0].metrics.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(score.judge[0].chance_credited_accuracy, 0.75);
  EXPECT_EQ(score.judge[0].counts.unread_negative, 1);
  EXPECT_DOUBLE_EQ(score.select[0].accuracy.value, 0.5);
  EXPECT_DOUBLE_EQ(score.select[0].chance_credited_accuracy, 0.625);
  EXPECT_EQ(score.select[0].num_unread, 1);
  EXPECT_THAT(score.statuses, Contains(Pair("ok", 2)));
  EXPECT_THAT(score.statuses, Contains(Pair("truncated", 1)));
  EXPECT_THAT(score.statuses, Contains(Pair("ambiguous", 1)));
}

TEST(Scoring, KeepsKindsOfNegativesApart) {
  auto cases = make_scored_cases(5, "topk");
  for (const data::Case& row : make_scored_cases(5, "uniform")) cases.push_back(row);
  NamedDecisions agent = right_on(cases, "a", 5);
  const AgentScore score = score_agents(cases, {agent}, {.draws = 50}).agents[0];
  ASSERT_EQ(score.judge.size(), 2U);
  EXPECT_EQ(score.judge[0].negatives, "topk");
  EXPECT_DOUBLE_EQ(score.judge[0].metrics.accuracy, 1);
  EXPECT_EQ(score.judge[1].negatives, "uniform");
  EXPECT_DOUBLE_EQ(score.judge[1].metrics.accuracy, 0);
  EXPECT_EQ(score.select.size(), 2U);
}

TEST(Scoring, MeasuresSlotBiasAndRanking) {
  const auto cases = make_scored_cases(40);
  NamedDecisions agent = right_on(cases, "a", 40);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i].task == data::Task::kJudge) {
      agent.decisions[i].p_yes = cases[i].label == 1 ? 0.9 : 0.2;
    }
  }
  const AgentScore score = score_agents(cases, {agent}, {.draws = 10}).agents[0];
  EXPECT_THAT(score.select[0].picks_by_slot, ElementsAre(40, 0, 0, 0));
  EXPECT_NEAR(score.select[0].slot_bias.statistic, 120, 1e-9);
  EXPECT_LT(score.select[0].slot_bias.p_value, 1e-20);
  EXPECT_EQ(score.judge[0].auc, 1.0);
  EXPECT_EQ(score.judge[0].num_with_p_yes, 80);
  EXPECT_THAT(score.judge[0].brier.value(), DoubleNear((0.01 + 0.04) / 2, 1e-12));
}

TEST(Scoring, TheF1IntervalHoldsItsValue) {
  const auto cases = make_scored_cases(200);
  const JudgeScore score = score_agents(cases, {right_on(cases, "a", 140)}, {}).agents[0].judge[0];
  EXPECT_DOUBLE_EQ(score.metrics.f1, 0.7);
  EXPECT_TRUE(score.f1_interval.contains(0.7));
  EXPECT_GT(score.f1_interval.low, 0.6);
  EXPECT_LT(score.f1_interval.high, 0.8);
}

TEST(Scoring, PassesOverCasesWithoutALabel) {
  auto cases = make_scored_cases(1);
  const NamedDecisions agent = right_on(cases, "a", 1);
  cases[1].label = -1;
  const AgentScore score = score_agents(cases, {agent}, {.draws = 0}).agents[0];
  EXPECT_EQ(score.num_unlabelled, 1);
  EXPECT_EQ(score.judge[0].num_cases, 1);
}

TEST(Scoring, RefusesDecisionsOnOtherCases) {
  const auto cases = make_scored_cases(1);
  const auto error_of = [&](const data::Decision& decision) -> std::string {
    try {
      score_agents(cases, {{"a", {decision}}}, {});
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  };
  data::Decision unknown = judge(cases[0], "a", true);
  unknown.case_id = "other";
  EXPECT_THAT(error_of(unknown),
              HasSubstr("case other: the decision of a is on a case that is not"));
  data::Decision stale = judge(cases[0], "a", true);
  stale.case_hash = "0";
  EXPECT_THAT(error_of(stale), HasSubstr("another version of the case"));
  EXPECT_THAT(error_of(choose(cases[0], "a", 0)), HasSubstr("chooses, but the case asks to judge"));
  EXPECT_THAT(error_of(judge(cases[2], "a", true)),
              HasSubstr("judges, but the case asks to choose"));
  EXPECT_THAT(error_of(choose(cases[2], "a", 4)), HasSubstr("chooses candidate 4 of 4"));
  data::Decision foreign = choose(cases[2], "a", 3);
  foreign.case_hash.clear();
  EXPECT_EQ(error_of(foreign), "no error") << "files of others carry no hash";
}

TEST(Scoring, SplitsAFileByAgent) {
  const auto cases = make_scored_cases(1);
  const auto agents = split_by_agent(
      {judge(cases[0], "b", true), judge(cases[0], "a", true), judge(cases[1], "b", true)});
  ASSERT_EQ(agents.size(), 2U);
  EXPECT_EQ(agents[0].name, "b");
  EXPECT_EQ(agents[0].decisions.size(), 2U);
}

TEST(ScoreReport, JsonHoldsWhatTheScoresSay) {
  const auto cases = make_scored_cases(10);
  const Scores scores = score_agents(cases, {right_on(cases, "a", 7)}, {.draws = 20});
  const Json json = parse_json(scores_json(scores), "scores");
  EXPECT_EQ(json["cases_hash"], hash_cases(cases));
  const Json& agent = json["agents"][0];
  EXPECT_EQ(agent["agent"], "a");
  EXPECT_EQ(agent["statuses"]["ok"], 30);
  EXPECT_DOUBLE_EQ(agent["judge"][0]["accuracy"]["value"].get<double>(), 0.7);
  EXPECT_LT(agent["judge"][0]["accuracy"]["low"].get<double>(), 0.7);
  EXPECT_TRUE(agent["judge"][0]["auc"].is_null());
  EXPECT_EQ(agent["select"][0]["m"], 3);
  EXPECT_EQ(agent["select"][0]["picks_by_slot"], Json({7, 0, 3, 0}));
}

TEST(ScoreReport, TableHasARowForEachAgentAndKindAndSaysWhatIsMissing) {
  const auto cases = make_scored_cases(10);
  NamedDecisions half = right_on(cases, "half", 5);
  half.decisions.resize(15);
  half.decisions[0].error = "503";
  const Table table =
      scores_table(score_agents(cases, {right_on(cases, "all", 7), half}, {.draws = 0}));
  EXPECT_THAT(table.columns,
              ElementsAre("Agent",
                          "Negatives",
                          "Acc",
                          "Precision",
                          "Recall",
                          "F1",
                          "Yes-rate",
                          "AUC",
                          "Acc m=3",
                          "Unread"));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_THAT(table.rows[0][2], HasSubstr("0.700 ["));
  EXPECT_EQ(table.rows[0].size(), table.columns.size());
  EXPECT_THAT(table.notes, Contains(HasSubstr("half: 15 cases without a decision")));
  EXPECT_THAT(table.notes, Contains(HasSubstr("half: 1 calls failed")));
}

TEST(ScoredLines, SayWhatEachDecisionWasWorth) {
  const auto cases = make_scored_cases(2);
  const auto lines = scored_lines(cases, {right_on(cases, "a", 1)});
  ASSERT_EQ(lines.size(), 6U);
  const Json first = parse_json(lines[0], "row");
  EXPECT_EQ(first["correct"], true);
  EXPECT_EQ(first["user_id"], "u0");
  EXPECT_EQ(first["negatives"], "topk");
  EXPECT_EQ(parse_json(lines[5], "row")["correct"], false);
  EXPECT_EQ(parse_json(lines[5], "row")["num_candidates"], 4);
}

}  // namespace
}  // namespace vragent::simulator
