// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/small_world.h"
#include "support/temp_dir.h"
#include "vragent/chat/mock_chat.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::simulator::agents {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
namespace fs = std::filesystem;

class Simulation : public ::testing::Test {
 protected:
  void SetUp() override {
    const test::SmallWorld world;
    std::string lines;
    for (const data::Case& row : make_cases(world.sources(), {.num_users = 5}).cases) {
      lines += data::to_line(row) + "\n";
      ++num_cases_;
    }
    write_file(folder_ / "cases.jsonl", lines);
    config_.cases = folder_ / "cases.jsonl";
    config_.agents = {"random"};
    config_.out = folder_ / "run";
  }

  [[nodiscard]] std::vector<data::Decision> decisions() const {
    return data::load_decisions(config_.out / "decisions.jsonl");
  }

  /// Counts how often a model is made; the model says Yes.
  SimulateReport run() {
    return simulate(config_, [this](const chat::BackendConfig&) {
      ++models_made_;
      return std::make_unique<chat::MockChat>([](const chat::Request&, std::int64_t) {
        return chat::Answer{.text = "</think><answer>Yes</answer>", .finish_reason = "stop"};
      });
    });
  }

  const vragent::test::TempDir folder_;
  SimulateConfig config_;
  std::int64_t num_cases_ = 0;
  std::int64_t models_made_ = 0;
};

TEST_F(Simulation, SeveralAgentsShareOneFileAndOneModel) {
  config_.agents = {"random", "vragent", "pop"};
  const SimulateReport report = run();
  EXPECT_EQ(models_made_, 1);
  ASSERT_EQ(report.agents.size(), 3U);
  for (const AgentRun& agent : report.agents) EXPECT_EQ(agent.report.num_decided, num_cases_);
  EXPECT_EQ(std::ssize(decisions()), 3 * num_cases_);
  EXPECT_EQ(decisions().front().agent, "random");
  EXPECT_EQ(decisions().back().agent, "pop");
}

TEST_F(Simulation, ControlsNeedNoModel) {
  config_.agents = {"random", "always-yes", "antirec"};
  run();
  EXPECT_EQ(models_made_, 0);
}

TEST_F(Simulation, RefusesToReplaceDecisionsUnlessTold) {
  run();
  try {
    run();
    FAIL() << "replaced";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kCannotCreate);
    EXPECT_THAT(error.what(), HasSubstr("--resume"));
  }
  config_.overwrite = true;
  EXPECT_EQ(run().agents[0].report.num_decided, num_cases_);
  EXPECT_EQ(std::ssize(decisions()), num_cases_);
}

TEST_F(Simulation, ResumesBehindATornLineWithTheSameResultAsAWholeRun) {
  run();
  const std::string whole = read_file(config_.out / "decisions.jsonl");
  write_file(config_.out / "decisions.jsonl", whole.substr(0, whole.size() / 2));
  config_.run.resume = true;
  const SimulateReport report = run();
  EXPECT_GT(report.agents[0].report.num_kept, 0);
  EXPECT_GT(report.agents[0].report.num_decided, 0);
  EXPECT_EQ(read_file(config_.out / "decisions.jsonl"), whole);
}

TEST_F(Simulation, ResumeRefusesOtherSettingsAndTakesMoreAgents) {
  run();
  config_.run.resume = true;
  config_.agents = {"random", "pop"};
  const SimulateReport report = run();
  EXPECT_EQ(report.agents[0].report.num_kept, num_cases_);
  EXPECT_EQ(report.agents[1].report.num_decided, num_cases_);
  config_.ask.seed = 99;
  EXPECT_THAT([&] { run(); }, ThrowsMessage<ConfigError>(HasSubstr("--seed")));
}

TEST_F(Simulation, ShardsTogetherDecideAsOneRunDoes) {
  config_.agents = {"pop"};  // its median is that of the whole file
  run();
  const auto whole = decisions();
  std::vector<data::Decision> parts;
  for (const char* shard : {"0/3", "1/3", "2/3"}) {
    config_.out = folder_ / (std::string("shard") + shard[0]);
    config_.run.shard = shard;
    run();
    for (const data::Decision& row : decisions()) parts.push_back(row);
  }
  ASSERT_EQ(parts.size(), whole.size());
  for (const data::Decision& part : parts) {
    const auto same = std::find_if(whole.begin(), whole.end(), [&](const data::Decision& row) {
      return row.case_id == part.case_id;
    });
    ASSERT_NE(same, whole.end()) << part.case_id;
    EXPECT_EQ(part.yes, same->yes);
    EXPECT_EQ(part.choice, same->choice);
  }
}

TEST_F(Simulation, AFileWithoutCasesIsRefused) {
  write_file(config_.cases, "\n");
  EXPECT_THAT([&] { run(); }, ThrowsMessage<DataError>(HasSubstr("no cases")));
  EXPECT_FALSE(fs::exists(config_.out));
}

TEST_F(Simulation, WrongSettingsAreNamed) {
  const SimulateConfig good = config_;
  const auto refuses = [&](const std::string& text) {
    EXPECT_THAT([&] { run(); }, ThrowsMessage<ConfigError>(HasSubstr(text)));
    config_ = good;
  };
  config_.agents = {"randm"};
  refuses("--agent must be one of");
  config_.agents = {"pop", "pop"};
  refuses("twice");
  config_.agents = {};
  refuses("--agent is required");
  config_.cases.clear();
  refuses("--cases is required");
  config_.out.clear();
  refuses("--out is required");
  config_.run.shard = "4/4";
  refuses("--shard");
  config_.run.shard = "1";
  refuses("--shard");
  config_.run.resume = config_.overwrite = true;
  refuses("exclude each other");
  config_.run.resume = true;
  config_.out = "-";
  refuses("stdout");
}

}  // namespace
}  // namespace vragent::simulator::agents
