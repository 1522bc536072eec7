// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/evaluation.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

/// Twelve users of five videos each among thirty, in the files of MicroLens.
class SmallFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pairs;
    std::string titles = "item,title\n";
    std::string lists;
    for (int user = 1; user <= 12; ++user) {
      pairs += std::to_string(user) + "\t";
      for (int n = 0; n < 5; ++n) pairs += std::to_string((user * 3 + n * 5) % 30 + 1) + " ";
      pairs.back() = '\n';
      lists += R"({"user_id":")" + std::to_string(user) + R"(","items":[)";
      for (int n = 0; n < 10; ++n) {
        lists += (n > 0 ? ",\"" : "\"") + std::to_string((user * 3 + n * 2) % 30 + 1) + "\"";
      }
      lists += "]}\n";
    }
    for (int item = 1; item <= 30; ++item) {
      titles += std::to_string(item) + ",\"title, " + std::to_string(item) + "\"\n";
    }
    write_file(folder_ / "pairs.tsv", pairs);
    write_file(folder_ / "titles.csv", titles);
    write_file(folder_ / "run/topk.jsonl", lists);
    config_.interactions = folder_ / "pairs.tsv";
    config_.items = folder_ / "titles.csv";
    config_.topk = folder_ / "run";
    config_.out = folder_ / "cases";
  }

  /// decisions.jsonl of an agent that says Yes and takes the first slot.
  fs::path decide(const CaseSet& set, const std::string& agent, const std::string& model) {
    std::string lines;
    for (const data::Case& row : set.cases) {
      data::Decision decision{.case_id = row.case_id, .agent = agent, .model = model};
      decision.status = data::AnswerStatus::kOk;
      if (row.task == data::Task::kJudge) {
        decision.yes = true;
      } else {
        decision.choice = 0;
      }
      lines += data::to_line(decision) + "\n";
    }
    const fs::path file = folder_ / (agent + model + ".jsonl");
    write_file(file, lines);
    return file;
  }

  const test::TempDir folder_;
  MakeCasesConfig config_;
};

TEST_F(SmallFiles, CasesUsersAndConfigurationStandInTheRunFolder) {
  const CaseSet set = make_case_file(config_);
  ASSERT_FALSE(set.cases.empty());
  EXPECT_EQ(data::load_cases(config_.out / "cases.jsonl").size(), set.cases.size());
  EXPECT_EQ(data::hash_cases(data::load_cases(config_.out / "cases.jsonl")),
            data::hash_cases(set.cases));
  std::string users;
  for (const std::string& id : set.user_ids) users += id + "\n";
  EXPECT_EQ(read_file(config_.out / "users.txt"), users);
  EXPECT_THAT(read_file(config_.out / "effective_config.json"), HasSubstr("eval make-cases"));
  const auto counts = counts_of(set);
  EXPECT_EQ(counts[0].second, counts[1].second + counts[2].second);
  EXPECT_EQ(counts[3].second, std::ssize(set.user_ids));
}

TEST_F(SmallFiles, FrozenCasesAreReplacedOnlyWhenAskedFor) {
  make_case_file(config_);
  config_.cases.seed += 1;
  const std::string frozen = read_file(config_.out / "cases.jsonl");
  try {
    make_case_file(config_);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kCannotCreate);
    EXPECT_THAT(error.what(), HasSubstr("--overwrite"));
  }
  EXPECT_EQ(read_file(config_.out / "cases.jsonl"), frozen);
  config_.overwrite = true;
  make_case_file(config_);
  EXPECT_NE(read_file(config_.out / "cases.jsonl"), frozen);
}

TEST_F(SmallFiles, AFileIsWrittenWithoutARunFolderAroundIt) {
  config_.out = folder_ / "plain/cases.jsonl";
  make_case_file(config_);
  EXPECT_TRUE(fs::exists(config_.out));
  EXPECT_FALSE(fs::exists(folder_ / "plain/effective_config.json"));
  EXPECT_FALSE(fs::exists(folder_ / "plain/users.txt"));
}

TEST_F(SmallFiles, ValidCasesTakeTheListsOfTheValidContextFromTheFolder) {
  config_.cases.split = "valid";
  EXPECT_THROW(make_case_file(config_), Error);  // run/ has only topk.jsonl
  fs::copy(folder_ / "run/topk.jsonl", folder_ / "run/topk.valid.jsonl");
  EXPECT_THAT(make_case_file(config_).cases.front().case_id, HasSubstr("-valid-"));
}

TEST_F(SmallFiles, MissingInputsAreNamed) {
  MakeCasesConfig config = config_;
  config.items.clear();
  EXPECT_THAT([&] { make_case_file(config); },
              ThrowsMessage<ConfigError>(HasSubstr("--items or --captions")));
  config = config_;
  config.topk.clear();
  EXPECT_THAT([&] { make_case_file(config); }, ThrowsMessage<ConfigError>(HasSubstr("--topk")));
  config = config_;
  config.interactions = folder_ / "nothing.tsv";
  EXPECT_THAT([&] { make_case_file(config); }, ThrowsMessage<Error>(HasSubstr("nothing.tsv")));
}

TEST_F(SmallFiles, ScoresJoinFilesOfOneAgentAndWriteScoresAndRows) {
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

TEST_F(SmallFiles, ScoresDoNotReplaceTheConfigurationOfTheRunTheyLieBeside) {
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

TEST_F(SmallFiles, ANameIsGivenToTheAgentThatAskedAModelOnly) {
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

TEST_F(SmallFiles, TheSameDecisionInTwoFilesIsRefused) {
  CaseSet set = make_case_file(config_);
  const std::string file = decide(set, "random", "").string();
  EXPECT_THAT(
      [&] {
        load_named_decisions({file, file});
      },
      ThrowsMessage<DataError>(HasSubstr("NAME=FILE")));
  EXPECT_EQ(load_named_decisions({file, "again=" + file}).size(), 2U);
}

TEST_F(SmallFiles, AgentsOfTwoFilesAreComparedUnderTheirNames) {
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
