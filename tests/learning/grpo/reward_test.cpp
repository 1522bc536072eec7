// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/reward.h"

#include <gtest/gtest.h>

#include "learning/small_cases.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

struct Reply {
  const char* text;
  double format;
  double task;
  bool correct = false;
  const char* finish_reason = "stop";
};

void expect_rewards(const data::Case& row,
                    const simulator::PromptConfig& prompt,
                    const std::vector<Reply>& replies) {
  for (const Reply& reply : replies) {
    const Reward got = score_reply(row, prompt, reply.text, reply.finish_reason, {});
    EXPECT_EQ(got.format, reply.format) << reply.text;
    EXPECT_EQ(got.task, reply.task) << reply.text;
    EXPECT_EQ(got.correct, reply.correct) << reply.text;
    EXPECT_EQ(got.total(), reply.format + reply.task);
  }
}

TEST(ScoreReply, PaysJudgmentsByFormAndTruth) {
  expect_rewards(judge_case("a", 1),
                 {},
                 {{"<think>taste</think><answer>Yes</answer>", 1, 1, true},
                  {" <think>taste</think>\n<answer> yes </answer>\n", 1, 1, true},
                  {"<think>taste</think><answer>No</answer>", 1, -1},
                  {"<answer>Yes</answer>", 0, 1, true},
                  {"<think></think><answer>Yes</answer>", 0, 1, true},
                  {"<think>a</think><answer>No</answer><answer>Yes</answer>", 0, -1},
                  {"<think>taste</think><answer>Yes</answer> and more", 0, 1, true},
                  {"<answer>Yes</answer><think>taste</think>", 0, 1, true}});
}

TEST(ScoreReply, PaysNoJudgmentThatCannotBeReadMoreThanAWrongOne) {
  expect_rewards(judge_case("a", 1),
                 {},
                 {{"", 0, -1},
                  {"<think>Yes", 0, -1, false, "length"},
                  {"<think>taste</think>", 0, -1},
                  {"<think>taste</think><answer>Yes", 0, -1, false, "length"},
                  {"<think>taste</think><answer></answer>", 0, -1},
                  {"<think>taste</think><answer>maybe</answer>", 1, -1},
                  {"<think>taste</think><answer>I know</answer>", 1, -1},
                  {"<think>taste</think><answer>Yes or No</answer>", 1, -1}});
}

TEST(ScoreReply, TakesNoForTheRightAnswerToAVideoThatWasNotLiked) {
  expect_rewards(judge_case("a", 0),
                 {},
                 {{"<think>taste</think><answer>No</answer>", 1, 1, true},
                  {"<think>taste</think><answer>Yes</answer>", 1, -1}});
}

TEST(ScoreReply, PaysSelectionsByFormAndTruth) {
  expect_rewards(select_case("a", 1),
                 {},
                 {{"<think>taste</think><answer>B</answer>", 1, 2, true},
                  {"<think>taste</think><answer>night market</answer>", 1, 2, true},
                  {"<answer>B</answer>", 0, 2, true},
                  {"<think>taste</think><answer>A</answer>", 1, 0},
                  {"<think>taste</think><answer>Z</answer>", 1, 0},
                  {"<think>taste</think><answer>A, B</answer>", 1, 0},
                  {"<think>taste</think><answer>B", 0, 0, false, "length"},
                  {"", 0, 0}});
}

TEST(ScoreReply, WantsNoReasoningWhereNoneWasAskedFor) {
  expect_rewards(judge_case("a", 1),
                 {.cot = false},
                 {{"<answer>Yes</answer>", 1, 1, true},
                  {"<think>taste</think><answer>Yes</answer>", 0, 1, true}});
}

TEST(ScoreReply, UsesTheSettingsForEveryConstant) {
  const RewardConfig config{.format = 0.5,
                            .judge_right = 10,
                            .judge_wrong = 20,
                            .judge_unanswered = 30,
                            .select_right = 40,
                            .select_wrong = 50,
                            .select_unanswered = 60};
  const auto total = [&](const data::Case& row, const std::string& answer) {
    return score_reply(row, {}, "<think>t</think><answer>" + answer + "</answer>", "stop", config)
        .total();
  };
  EXPECT_EQ(total(judge_case("a", 1), "Yes"), 10.5);
  EXPECT_EQ(total(judge_case("a", 1), "No"), 20.5);
  EXPECT_EQ(total(judge_case("a", 1), "?"), 30.5);
  EXPECT_EQ(total(select_case("a", 2), "C"), 40.5);
  EXPECT_EQ(total(select_case("a", 2), "A"), 50.5);
  EXPECT_EQ(total(select_case("a", 2), "?"), 60.5);
}

TEST(ScoreReply, PaysARightAnswerInFullByBothScorersWhereTheOfficialFormIsAskedFor) {
  const simulator::PromptConfig prompt{.answer_form = "official"};
  const auto total = [&](const data::Case& row, const std::string& answer, const char* scorer) {
    const std::string field = simulator::answer_field(row, answer, "", prompt);
    const std::string reply = simulator::answer_in_form("the history shows it", field, prompt);
    return score_reply(row, prompt, reply, "stop", {.scorer = scorer}).total();
  };
  for (const std::int64_t label : {0, 1}) {
    const data::Case row = judge_case("a", label);
    EXPECT_EQ(total(row, label == 1 ? "Yes" : "No", "official"), 3) << label;
    EXPECT_EQ(total(row, label == 1 ? "No" : "Yes", "official"), -1) << label;
    EXPECT_EQ(total(row, label == 1 ? "Yes" : "No", "paper"), 2) << label;
  }
  for (const std::int64_t truth : {0, 1, 2}) {
    const data::Case row = select_case("a", truth);
    EXPECT_EQ(total(row, simulator::letter_of(truth), "official"), 3) << truth;
    EXPECT_EQ(total(row, simulator::letter_of((truth + 1) % 3), "official"), -0.5) << truth;
    EXPECT_EQ(total(row, simulator::letter_of(truth), "paper"), 3) << truth;
  }
}

TEST(ScoreReply, RefusesCasesWithoutLabel) {
  EXPECT_THROW(score_reply(judge_case("a", -1), {}, "", "stop", {}), DataError);
  EXPECT_THROW(score_reply(select_case("a", -1), {}, "", "stop", {}), DataError);
}

}  // namespace
}  // namespace vragent::learning
