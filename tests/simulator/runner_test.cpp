// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/runner.h"

#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/interrupt.h"

namespace vragent::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<data::Case> make_judge_cases(int count) {
  std::vector<data::Case> cases;
  for (int i = 0; i < count; ++i) {
    data::Case row;
    row.case_id = "c" + std::to_string(i);
    row.user_id = "u";
    row.candidates = {{"7", "t", ""}};
    row.label = i % 2;
    row.aux.popularity = {static_cast<double>(i)};
    cases.push_back(row);
  }
  return cases;
}

/// What an agent was asked, and the agent: it says Yes to everything.
struct Recorder {
  std::vector<data::Case> seen;
  std::vector<std::size_t> batches;
  std::vector<std::int64_t> repeats;

  Agent agent() {
    Agent agent;
    agent.name = "recorder";
    agent.model = "m";
    agent.seed = 5;
    agent.decide = [this](std::span<const data::Case> cases, std::int64_t repeat) {
      seen.insert(seen.end(), cases.begin(), cases.end());
      batches.push_back(cases.size());
      repeats.push_back(repeat);
      data::Decision yes;
      yes.yes = true;
      yes.status = data::AnswerStatus::kOk;
      return std::vector<data::Decision>(cases.size(), yes);
    };
    return agent;
  }
};

std::vector<std::string> keys_of(const std::filesystem::path& path) {
  std::vector<std::string> keys;
  for (const data::Decision& row : data::load_decisions(path)) {
    keys.push_back(row.case_id + "/" + std::to_string(row.repeat));
  }
  return keys;
}

class Runner : public ::testing::Test {
 protected:
  void TearDown() override { clear_interrupt(); }

  vragent::test::TempDir folder_;
  std::filesystem::path out_ = folder_ / "decisions.jsonl";
  Recorder recorder_;
};

TEST_F(Runner, AsksInBatchesAndKeepsTheOrder) {
  const RunReport report =
      run_cases(make_judge_cases(5), recorder_.agent(), {.batch_size = 2, .repeats = 2}, out_);
  EXPECT_EQ(report.num_decided, 10);
  EXPECT_EQ(report.num_unanswered, 0);
  EXPECT_THAT(recorder_.batches, ElementsAre(2, 2, 1, 2, 2, 1));
  EXPECT_THAT(recorder_.repeats, ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_THAT(
      keys_of(out_),
      ElementsAre("c0/0", "c1/0", "c2/0", "c3/0", "c4/0", "c0/1", "c1/1", "c2/1", "c3/1", "c4/1"));
}

TEST_F(Runner, WritesWhoDecided) {
  run_cases(make_judge_cases(1), recorder_.agent(), {}, out_);
  const data::Decision row = data::load_decisions(out_).front();
  EXPECT_EQ(row.agent, "recorder");
  EXPECT_EQ(row.model, "m");
  EXPECT_EQ(row.seed, 5);
  EXPECT_EQ(row.case_hash, hash_case(make_judge_cases(1)[0]));
  EXPECT_EQ(row.yes, true);
}

TEST_F(Runner, ShowsNoLabelAndAuxOnlyToControls) {
  run_cases(make_judge_cases(2), recorder_.agent(), {}, out_);
  for (const data::Case& row : recorder_.seen) {
    EXPECT_EQ(row.label, -1);
    EXPECT_TRUE(row.aux.popularity.empty());
  }
  recorder_.seen.clear();
  Agent control = recorder_.agent();
  control.sees_aux = true;
  run_cases(make_judge_cases(2), control, {}, out_);
  EXPECT_EQ(recorder_.seen[1].aux.popularity.front(), 1);
  EXPECT_EQ(recorder_.seen[1].label, -1);
}

TEST_F(Runner, ResumesWithoutAskingTwiceAndCutsATornLine) {
  const auto cases = make_judge_cases(4);
  run_cases(cases, recorder_.agent(), {.limit = 2}, out_);
  write_file(out_, read_file(out_) + "{\"case_id\":\"c2\",\"ag");
  recorder_.seen.clear();
  const RunReport report = run_cases(cases, recorder_.agent(), {.resume = true}, out_);
  EXPECT_EQ(report.num_kept, 2);
  EXPECT_EQ(report.num_decided, 2);
  EXPECT_EQ(recorder_.seen.size(), 2U);
  EXPECT_THAT(keys_of(out_), ElementsAre("c0/0", "c1/0", "c2/0", "c3/0"));
  EXPECT_EQ(run_cases(cases, recorder_.agent(), {.resume = true}, out_).num_decided, 0);
}

TEST_F(Runner, ResumeLooksAtThisAgentOnly) {
  const auto cases = make_judge_cases(2);
  run_cases(cases, recorder_.agent(), {}, out_);
  Agent other = recorder_.agent();
  other.name = "other";
  EXPECT_EQ(run_cases(cases, other, {.resume = true}, out_).num_decided, 2);
  EXPECT_EQ(data::load_decisions(out_).size(), 4U);
}

TEST_F(Runner, RefusesToResumeOnOtherCases) {
  run_cases(make_judge_cases(3), recorder_.agent(), {}, out_);
  try {
    run_cases(make_judge_cases(2), recorder_.agent(), {.resume = true}, out_);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("has a decision on case c2"));
  }
  auto changed = make_judge_cases(3);
  changed[1].candidates[0].title = "another title";
  EXPECT_THROW(run_cases(changed, recorder_.agent(), {.resume = true}, out_), DataError);
}

TEST_F(Runner, RefusesToResumeWithAnotherModelOrSeed) {
  const auto cases = make_judge_cases(3);
  run_cases(cases, recorder_.agent(), {.limit = 1}, out_);
  Agent other = recorder_.agent();
  other.seed += 1;
  EXPECT_THROW(run_cases(cases, other, {.resume = true}, out_), ConfigError);
  other = recorder_.agent();
  other.model = "another";
  EXPECT_THROW(run_cases(cases, other, {.resume = true}, out_), ConfigError);
  EXPECT_EQ(data::load_decisions(out_).size(), 1U);
}

TEST_F(Runner, FinishesItsBatchAndStopsAfterASignal) {
  Agent agent = recorder_.agent();
  const auto decide = agent.decide;
  agent.decide = [&](std::span<const data::Case> cases, std::int64_t repeat) {
    request_interrupt(SIGINT);
    return decide(cases, repeat);
  };
  try {
    run_cases(make_judge_cases(5), agent, {.batch_size = 2}, out_);
    FAIL() << "no error";
  } catch (const Interrupted& error) {
    EXPECT_EQ(error.code(), ExitCode::kInterrupted);
    EXPECT_THAT(error.what(), HasSubstr("2 decisions are in"));
    EXPECT_THAT(error.what(), HasSubstr("--resume"));
  }
  EXPECT_EQ(keys_of(out_).size(), 2U);
  clear_interrupt();
  EXPECT_EQ(run_cases(make_judge_cases(5), recorder_.agent(), {.resume = true}, out_).num_decided,
            3);
}

TEST_F(Runner, CountsAnswersThatAreMissingAndCallsThatFailed) {
  Agent agent = recorder_.agent();
  agent.decide = [](std::span<const data::Case> cases, std::int64_t) {
    std::vector<data::Decision> decisions(cases.size());
    decisions[0].error = "503";
    return decisions;
  };
  const RunReport report = run_cases(make_judge_cases(3), agent, {}, out_);
  EXPECT_EQ(report.num_unanswered, 3);
  EXPECT_EQ(report.num_failed, 1);
}

TEST_F(Runner, AnAgentThatLosesCasesIsABug) {
  Agent agent = recorder_.agent();
  agent.decide = [](std::span<const data::Case>, std::int64_t) {
    return std::vector<data::Decision>(1);
  };
  EXPECT_THROW(run_cases(make_judge_cases(2), agent, {}, out_), std::logic_error);
}

TEST_F(Runner, RefusesImpossibleSettingsAndPlaces) {
  EXPECT_THROW(run_cases({}, recorder_.agent(), {.batch_size = 0}, out_), ConfigError);
  EXPECT_THROW(run_cases({}, recorder_.agent(), {.repeats = 0}, out_), ConfigError);
  try {
    run_cases(make_judge_cases(1), recorder_.agent(), {}, "/proc/nowhere/decisions.jsonl");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kCannotCreate);
  }
}

TEST_F(Runner, AFullDiskIsAnIoErrorThatNamesThePath) {
  try {
    run_cases(make_judge_cases(1), recorder_.agent(), {}, "/dev/full");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("/dev/full"));
  }
}

}  // namespace
}  // namespace vragent::simulator
