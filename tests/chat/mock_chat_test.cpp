// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/chat/mock_chat.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::chat {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Request ask(const std::string& text, std::int64_t num_samples = 1) {
  Request request;
  request.messages = {{"system", "be brief", {}}, {"user", text, {}}};
  request.prefill = "<think>";
  request.num_samples = num_samples;
  return request;
}

std::vector<MockRule> rules_of(const std::string& lines) {
  const test::TempDir folder;
  write_file(folder / "rules.jsonl", lines);
  return load_mock_rules(folder / "rules.jsonl");
}

TEST(MockChat, AnswersByTheFirstRuleThatFits) {
  MockChat chat(rules_of("{\"contains\":\"cat\",\"answers\":[\"Yes\"]}\n{\"answers\":[\"No\"]}\n"));
  const std::vector<Request> requests = {ask("a cat"), ask("a dog")};
  const auto answers = chat.answer(requests);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0][0].text, "Yes");
  EXPECT_EQ(answers[0][0].finish_reason, "stop");
  EXPECT_EQ(answers[1][0].text, "No");
  EXPECT_EQ(chat.num_requests(), 2);
}

TEST(MockChat, SamplesTakeTurnsThroughTheAnswers) {
  MockChat chat(rules_of("{\"answers\":[\"A\",\"B\"]}\n"));
  const std::vector<Request> requests = {ask("x", 3)};
  const auto answers = chat.answer(requests);
  std::vector<std::string> texts;
  for (const Answer& answer : answers[0]) texts.push_back(answer.text);
  EXPECT_THAT(texts, ElementsAre("A", "B", "A"));
}

TEST(MockChat, CutsAtMaxTokensAndCountsWords) {
  MockChat chat(rules_of("{\"answers\":[\"one two three\"]}\n"));
  Request request = ask("hello there");
  request.sampling.max_tokens = 2;
  const Answer answer = chat.answer({&request, 1})[0][0];
  EXPECT_EQ(answer.text, "one two ");
  EXPECT_EQ(answer.finish_reason, "length");
  EXPECT_EQ(answer.completion_tokens, 2);
  EXPECT_EQ(answer.prompt_tokens, 5);
  request.sampling.max_tokens = 3;
  EXPECT_EQ(chat.answer({&request, 1})[0][0].finish_reason, "stop");
}

TEST(MockChat, SaysSoWhenNoRuleFitsOrTheRuleIsAnError) {
  MockChat chat(rules_of("{\"contains\":\"cat\",\"error\":\"429 slow down\"}\n"));
  const std::vector<Request> requests = {ask("cat"), ask("dog")};
  const auto answers = chat.answer(requests);
  EXPECT_EQ(answers[0][0].error, "429 slow down");
  EXPECT_THAT(answers[1][0].error, HasSubstr("no rule"));
}

TEST(MockChat, GivesChoiceProbabilitiesOfItsRules) {
  MockChat chat(rules_of("{\"contains\":\"cat\",\"answers\":[\"\"],\"choices\":{\"Yes\":0.75}}\n"));
  const std::vector<Request> requests = {ask("cat"), ask("dog")};
  const auto log_probs = chat.choice_log_probs(requests, {"Yes", "No"});
  EXPECT_THAT(std::exp(log_probs[0][0]), DoubleNear(0.75, 1e-12));
  EXPECT_THAT(std::exp(log_probs[0][1]), DoubleNear(0.25, 1e-12));
  EXPECT_THAT(std::exp(log_probs[1][1]), DoubleNear(0.5, 1e-12));
}

TEST(MockChat, CallsItsScriptOnceASample) {
  std::vector<std::int64_t> samples;
  MockChat chat([&](const Request& request, std::int64_t sample) {
    samples.push_back(sample);
    Answer answer;
    answer.text = request.messages.back().text;
    answer.finish_reason = "stop";
    return answer;
  });
  const std::vector<Request> requests = {ask("echo", 2)};
  EXPECT_EQ(chat.answer(requests)[0][1].text, "echo");
  EXPECT_THAT(samples, ElementsAre(0, 1));
}

TEST(MockRules, AreRefusedWithPathAndLine) {
  const auto error_of = [](const std::string& lines) -> std::string {
    try {
      rules_of(lines);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of("{\"answers\":[\"x\"]}\n{}\n"), HasSubstr("rules.jsonl:2: \"answers\""));
  EXPECT_THAT(error_of("{\"answer\":\"x\"}\n"), HasSubstr("unknown members"));
  EXPECT_THAT(error_of("{\"answers\":[\"x\"],\"choices\":{\"Yes\":1.5}}\n"), HasSubstr("sum"));
  EXPECT_THAT(error_of("{\"answers\":[\"x\"],\"choices\":{\"Yes\":-1}}\n"), HasSubstr("choices"));
  EXPECT_THAT(error_of("not json\n"), HasSubstr("rules.jsonl:1: not JSON"));
}

}  // namespace
}  // namespace vragent::chat
