// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/scoring/score_files.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/case_fixture.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

TEST_F(CaseFiles, ScoresJoinFilesOfOneAgentAndWriteScoresAndRows) {
  const CaseSet set = make_case_file(config_);
  CaseSet first = set;
  CaseSet second = set;
  first.cases.resize(set.cases.size() / 2);
  second.cases.erase(second.cases.begin(), second.cases.begin() + std::ssize(first.cases));
  ScoreFilesConfig config{.cases = config_.out,
                          .decisions = {decide(first, "always-yes", "").string()},
                          .rows = folder_ / "rows.jsonl",
                          .out = folder_ / "scores",
                          .score = {.draws = 0}};
  fs::rename(folder_ / "always-yes.jsonl", folder_ / "part1.jsonl");
  config.decisions = {(folder_ / "part1.jsonl").string(),
                      decide(second, "always-yes", "").string()};
  const Scores scores = score_files(config);
  ASSERT_EQ(scores.agents.size(), 1U);
  EXPECT_EQ(scores.agents[0].num_missing, 0);
  EXPECT_DOUBLE_EQ(scores.agents[0].judge.at(0).metrics.recall, 1.0);
  const Json written = parse_json_object(read_file(folder_ / "scores/scores.json"), "scores");
  EXPECT_EQ(written["cases_hash"], data::hash_cases(set.cases));
  std::int64_t rows = 0;
  for_each_line(folder_ / "rows.jsonl", [&](const std::string&, const std::string&) { ++rows; });
  EXPECT_EQ(rows, std::ssize(set.cases));
}

TEST_F(CaseFiles, ScoresDoNotReplaceTheConfigurationOfTheRunTheyLieBeside) {
  const CaseSet set = make_case_file(config_);
  const std::string before = read_file(config_.out / "effective_config.json");
  score_files({.cases = config_.out,
               .decisions = {decide(set, "random", "").string()},
               .rows = {},
               .out = config_.out,
               .score = {.draws = 0}});
  EXPECT_TRUE(fs::exists(config_.out / "scores.json"));
  EXPECT_EQ(read_file(config_.out / "effective_config.json"), before);
}

TEST_F(CaseFiles, ANameIsGivenToTheAgentThatAskedAModelOnly) {
  CaseSet set = make_case_file(config_);
  set.cases.resize(2);
  const std::string model = read_file(decide(set, "vragent", "tiny"));
  const std::string control = read_file(decide(set, "pop", ""));
  write_file(folder_ / "both.jsonl", model + control);
  const auto agents = load_named_decisions({"GRPO=" + (folder_ / "both.jsonl").string()});
  ASSERT_EQ(agents.size(), 2U);
  EXPECT_EQ(agents[0].name, "GRPO");
  EXPECT_EQ(agents[1].name, "pop");
  const auto alone = load_named_decisions({"P=" + decide(set, "pop", "").string()});
  EXPECT_EQ(alone.at(0).name, "P");
}

TEST_F(CaseFiles, TheSameDecisionInTwoFilesIsRefused) {
  CaseSet set = make_case_file(config_);
  const std::string file = decide(set, "random", "").string();
  EXPECT_THAT(
      [&] {
        load_named_decisions({file, file});
      },
      ThrowsMessage<DataError>(HasSubstr("NAME=FILE")));
  EXPECT_EQ(load_named_decisions({file, "again=" + file}).size(), 2U);
}

TEST_F(CaseFiles, AgentsOfTwoFilesAreComparedUnderTheirNames) {
  const CaseSet set = make_case_file(config_);
  CompareFilesConfig config{.cases = config_.out,
                            .decisions = {"a=" + decide(set, "vragent", "x").string(),
                                          "b=" + decide(set, "vragent", "y").string()},
                            .out = folder_ / "compared",
                            .compare = {.draws = 50}};
  const auto differences = compare_files(config);
  ASSERT_FALSE(differences.empty());
  EXPECT_EQ(differences[0].agent, "b");
  EXPECT_EQ(differences[0].reference, "a");
  EXPECT_EQ(differences[0].difference, 0);
  EXPECT_TRUE(fs::exists(folder_ / "compared/comparison.json"));
}

TEST(EvaluationConfig, StdinIsReadOnce) {
  const ScoreFilesConfig config{
      .cases = "-", .decisions = {"a=-"}, .rows = {}, .out = {}, .score = {}};
  EXPECT_THAT([&] { score_files(config); }, ThrowsMessage<ConfigError>(HasSubstr("stdin")));
}

}  // namespace
}  // namespace vragent::simulator
