// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/agents/asking.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/chat/mock_chat.h"
#include "vragent/simulator/agents/zeroshot.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::simulator::agents {
namespace {

using chat::Answer;
using chat::MockChat;
using chat::Request;
using data::AnswerStatus;
using ::testing::HasSubstr;
using ::testing::Not;

data::Case judge_case() {
  data::Case row;
  row.case_id = "c1";
  row.user_id = "u";
  row.history = {{"1", "old title", "old caption", "old comment"}};
  row.candidates = {{"9", "new title", "new caption"}};
  return row;
}

data::Case select_case() {
  data::Case row = judge_case();
  row.case_id = "c2";
  row.task = data::Task::kSelect;
  row.candidates.push_back({"8", "other title", "other caption"});
  return row;
}

/// A model whose sample i of every request is texts[i].
MockChat scripted(std::vector<std::string> texts) {
  return MockChat([texts](const Request&, std::int64_t sample) {
    Answer answer;
    answer.text = texts.at(static_cast<std::size_t>(sample));
    answer.finish_reason = "stop";
    return answer;
  });
}

data::Decision ask_one(const data::Case& row,
                       std::vector<std::string> texts,
                       AskConfig config = {}) {
  config.num_samples = std::ssize(texts);
  MockChat model = scripted(std::move(texts));
  return ask(model, {&row, 1}, config, 0).front();
}

std::string judged(const std::string& answer) {
  return "hm</think><answer>" + answer + "</answer>";
}

TEST(Ask, TurnsARepliesTextIntoADecision) {
  const data::Decision decision = ask_one(judge_case(), {judged("Yes")});
  EXPECT_EQ(decision.yes, true);
  EXPECT_EQ(decision.status, AnswerStatus::kOk);
  EXPECT_EQ(decision.reasoning, "hm");
  EXPECT_EQ(decision.raw, "<think>hm</think><answer>Yes</answer>") << "with the prefill";
  EXPECT_EQ(decision.finish_reason, "stop");
  EXPECT_EQ(decision.num_calls, 1);
  EXPECT_GT(decision.prompt_tokens, 10);
  EXPECT_FALSE(decision.p_yes.has_value());
  EXPECT_EQ(ask_one(select_case(), {judged("B")}).choice, 1);
}

TEST(Ask, NeverGuessesWhatCannotBeRead) {
  const data::Decision decision = ask_one(select_case(), {"who knows"});
  EXPECT_FALSE(decision.choice.has_value());
  EXPECT_EQ(decision.status, AnswerStatus::kEmpty);
  EXPECT_EQ(decision.raw, "<think>who knows");
}

TEST(Ask, TheMajorityOfReadableSamplesDecides) {
  const data::Decision decision =
      ask_one(judge_case(), {judged("No"), judged("Yes"), "?", judged("Yes")});
  EXPECT_EQ(decision.yes, true);
  EXPECT_NEAR(decision.p_yes.value(), 2.0 / 3.0, 1e-12);
  EXPECT_EQ(decision.num_calls, 4);
  EXPECT_EQ(decision.raw, "<think>" + judged("Yes"));
  EXPECT_EQ(ask_one(select_case(), {judged("A"), judged("B"), judged("B")}).choice, 1);
}

TEST(Ask, ATiedVoteIsAmbiguous) {
  const data::Decision decision = ask_one(judge_case(), {judged("No"), judged("Yes")});
  EXPECT_FALSE(decision.yes.has_value());
  EXPECT_EQ(decision.status, AnswerStatus::kAmbiguous);
  EXPECT_EQ(decision.p_yes, 0.5);
}

TEST(Ask, AFailedCallIsADecisionWithItsError) {
  MockChat model(std::vector<chat::MockRule>{});
  const data::Case row = judge_case();
  const data::Decision decision = ask(model, {&row, 1}, {}, 0).front();
  EXPECT_EQ(decision.status, AnswerStatus::kEmpty);
  EXPECT_THAT(decision.error, HasSubstr("no rule"));
}

TEST(Ask, SeedsDependOnCaseRepeatAndConfigButNotOnTheBatch) {
  std::vector<std::uint64_t> seeds;
  MockChat model([&](const Request& request, std::int64_t) {
    seeds.push_back(request.seed);
    return Answer{};
  });
  const std::vector<data::Case> both = {judge_case(), select_case()};
  ask(model, both, {}, 0);
  ask(model, std::span(both).last(1), {}, 0);
  ask(model, std::span(both).last(1), {}, 1);
  ask(model, std::span(both).last(1), {.seed = 2}, 0);
  EXPECT_EQ(seeds[2], seeds[1]);
  EXPECT_NE(seeds[0], seeds[1]);
  EXPECT_NE(seeds[3], seeds[1]);
  EXPECT_NE(seeds[4], seeds[1]);
}

/// Answers `text`, takes Yes for three times as likely as No, and notes what stood before them.
MockChat noting(const std::string& text, std::vector<std::string>& prefills) {
  return MockChat(
      [text](const Request&, std::int64_t) {
        Answer answer;
        answer.text = text;
        return answer;
      },
      [&prefills](const Request& request, const std::vector<std::string>&) {
        prefills.push_back(request.prefill);
        return std::vector<double>{std::log(0.6), std::log(0.2)};
      });
}

TEST(Ask, LogProbabilitiesAreTakenWhereTheAnswerBegins) {
  std::vector<std::string> prefills;
  const auto run = [&](const std::string& text, AskConfig config) {
    MockChat model = noting(text, prefills);
    config.p_yes = "log-prob";
    const data::Case row = judge_case();
    return ask(model, {&row, 1}, config, 0).front();
  };
  const data::Decision decision = run(judged("No"), {});
  EXPECT_EQ(decision.yes, false) << "the answer stays the model's own";
  EXPECT_NEAR(decision.p_yes.value(), 0.75, 1e-12);
  EXPECT_EQ(decision.num_calls, 2);
  run("a thought that never ends", {});
  run("</think><answer> </answer>", {});
  run("Yes</answer>", {.prompt = {.cot = false}});
  run("Yes", {.prompt = {.cot = false, .prefill = false}});
  EXPECT_THAT(prefills,
              ::testing::ElementsAre("<think>hm</think><answer>",
                                     "<think>a thought that never ends</think><answer>",
                                     "<think></think><answer>",
                                     "<answer>",
                                     "<answer>"));
}

TEST(Ask, LogProbabilitiesOfTheOfficialFormStandBehindItsLabel) {
  std::vector<std::string> prefills;
  const auto run = [&](const std::string& text) {
    MockChat model = noting(text, prefills);
    const data::Case row = judge_case();
    return ask(model, {&row, 1}, {.prompt = {.answer_form = "official"}, .p_yes = "log-prob"}, 0)
        .front();
  };
  EXPECT_EQ(run(judged("(1) User_preference: no prediction\n(2) Prediction: No")).yes, false);
  run("a thought that never ends");
  EXPECT_THAT(prefills.at(0),
              ::testing::EndsWith("(1) User_preference: no prediction\n(2) Prediction:"));
  EXPECT_THAT(prefills.at(1), ::testing::StartsWith("<think>a thought that never ends</think>"));
  EXPECT_THAT(prefills.at(1), ::testing::EndsWith("\n(2) Prediction:"));
}

TEST(Ask, LogProbabilitiesPassOverSelections) {
  MockChat model = scripted({judged("A")});
  const data::Case row = select_case();
  EXPECT_FALSE(ask(model, {&row, 1}, {.p_yes = "log-prob"}, 0).front().p_yes.has_value());
}

TEST(AskConfig, IsRefusedByName) {
  const auto error_of = [](const AskConfig& config) -> std::string {
    try {
      config.check();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of({}), "no error");
  EXPECT_THAT(error_of({.num_samples = 3}),
              HasSubstr("--num-samples above 1 needs a --temperature"));
  EXPECT_THAT(error_of({.p_yes = "guess"}), HasSubstr("--p-yes"));
  EXPECT_THAT(error_of({.prompt = {.item_text = "x"}}), HasSubstr("--item-text"));
  AskConfig config;
  apply_json(options_of(config), R"({"temperature": 0.8, "cot": false, "num-samples": 3})", "test");
  EXPECT_EQ(config.sampling.temperature, 0.8);
  EXPECT_EQ(error_of(config), "no error");
}

TEST(ZeroshotAgent, ShowsTitlesOnly) {
  std::string shown;
  MockChat model([&](const Request& request, std::int64_t) {
    for (const auto& message : request.messages) shown += message.text;
    return Answer{};
  });
  const Agent agent = zeroshot_agent(model, {});
  EXPECT_EQ(agent.name, "zeroshot");
  EXPECT_EQ(agent.backend, "mock");
  EXPECT_FALSE(agent.sees_aux);
  const data::Case row = judge_case();
  agent.decide({&row, 1}, 0);
  EXPECT_THAT(shown, HasSubstr("old title"));
  EXPECT_THAT(shown, HasSubstr("new title"));
  EXPECT_THAT(shown, Not(HasSubstr("caption")));
  EXPECT_THAT(shown, Not(HasSubstr("comment")));
}

}  // namespace
}  // namespace vragent::simulator::agents
