// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/comparison.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/scoring/scored_cases.h"
#include "vragent/util/error.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

using test::make_scored_cases;
using test::right_on;
using ::testing::HasSubstr;

TEST(Comparison, GivesEffectIntervalAndExactMcNemar) {
  const auto cases = make_scored_cases(100);
  const auto rows =
      compare_agents(cases, {right_on(cases, "base", 50), right_on(cases, "new", 60)}, {});
  ASSERT_EQ(rows.size(), 3U) << "judge accuracy, judge f1, select accuracy";
  EXPECT_EQ(rows[0].agent, "new");
  EXPECT_EQ(rows[0].reference, "base");
  EXPECT_EQ(rows[0].measure, "accuracy");
  EXPECT_EQ(rows[0].m, 0);
  EXPECT_EQ(rows[0].num_cases, 200);
  EXPECT_NEAR(rows[0].difference, 0.1, 1e-12);
  EXPECT_EQ(rows[0].only_agent_right, 20);
  EXPECT_EQ(rows[0].only_reference_right, 0);
  EXPECT_NEAR(rows[0].p_value, 2.0 / (1 << 20), 1e-12) << "20 discordant pairs, all one way";
  EXPECT_EQ(rows[1].measure, "f1");
  EXPECT_EQ(rows[2].m, 3);
  EXPECT_NEAR(rows[2].p_value, 2.0 / (1 << 10), 1e-12);
  EXPECT_GT(rows[2].interval.low, 0.04);
  EXPECT_LT(rows[2].interval.high, 0.17);
}

TEST(Comparison, OneUsersTwoJudgmentsAreDrawnTogether) {
  const auto cases = make_scored_cases(100);
  const auto rows =
      compare_agents(cases, {right_on(cases, "base", 50), right_on(cases, "new", 60)}, {});
  // Both judgments of a user agree here, so 200 rows are worth 100 and the two intervals are alike.
  EXPECT_NEAR(rows[0].interval.low, rows[2].interval.low, 0.02);
  EXPECT_NEAR(rows[0].interval.high, rows[2].interval.high, 0.02);
}

TEST(Comparison, EqualAgentsDoNotDiffer) {
  const auto cases = make_scored_cases(20);
  for (const auto& row :
       compare_agents(cases, {right_on(cases, "a", 9), right_on(cases, "b", 9)}, {})) {
    EXPECT_EQ(row.difference, 0);
    EXPECT_EQ(row.p_value, 1);
    EXPECT_EQ(row.p_holm, 1);
  }
}

TEST(Comparison, CorrectsForManyTests) {
  const auto cases = make_scored_cases(60);
  const auto rows = compare_agents(
      cases,
      {right_on(cases, "base", 30), right_on(cases, "x", 36), right_on(cases, "y", 37)},
      {.reference = "base"});
  ASSERT_EQ(rows.size(), 6U);
  for (const PairedDifference& row : rows) EXPECT_GE(row.p_holm, row.p_value);
}

TEST(Comparison, RefusesAgentsThatDidNotDecideTheSameCases) {
  const auto cases = make_scored_cases(5);
  const auto error_of = [&](const NamedDecisions& other) -> std::string {
    try {
      compare_agents(cases, {right_on(cases, "base", 3), other}, {});
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  };
  NamedDecisions fewer = right_on(cases, "b", 3);
  fewer.decisions.erase(fewer.decisions.begin() + 4);
  EXPECT_THAT(error_of(fewer), HasSubstr("did not decide the same cases: case u1-neg-topk"));
  NamedDecisions repeated = right_on(cases, "b", 3);
  repeated.decisions.push_back(repeated.decisions.back());
  repeated.decisions.back().repeat = 1;
  EXPECT_THAT(error_of(repeated), HasSubstr("repeat 1"));
  NamedDecisions stale = right_on(cases, "b", 3);
  stale.decisions[2].case_hash = "0123";
  EXPECT_THAT(error_of(stale), HasSubstr("another version"));
  EXPECT_EQ(error_of(right_on(cases, "b", 3)), "no error");
}

TEST(Comparison, NeedsTwoAgentsAndAKnownReference) {
  const auto cases = make_scored_cases(2);
  EXPECT_THROW(compare_agents(cases, {right_on(cases, "a", 1)}, {}), ConfigError);
  EXPECT_THROW(
      compare_agents(cases, {right_on(cases, "a", 1), right_on(cases, "b", 1)}, {.reference = "c"}),
      ConfigError);
}

TEST(ComparisonTable, StarsOnlyWhatExcludesZero) {
  const auto cases = make_scored_cases(100);
  const auto rows = compare_agents(
      cases,
      {right_on(cases, "base", 50), right_on(cases, "same", 50), right_on(cases, "new", 70)},
      {});
  const Table table = comparison_table(rows);
  ASSERT_EQ(table.rows.size(), 6U);
  EXPECT_EQ(table.rows[0][7], "+0.000");
  EXPECT_EQ(table.rows[3][7], "+0.200*");
  EXPECT_EQ(table.rows[3][2], "judge accuracy");
  EXPECT_EQ(table.rows[5][2], "accuracy m=3");
  const Json json = parse_json(comparison_json(rows), "compare");
  EXPECT_EQ(json.size(), 6U);
  EXPECT_NEAR(json[3]["difference"].get<double>(), 0.2, 1e-12);
}

}  // namespace
}  // namespace vragent::simulator
