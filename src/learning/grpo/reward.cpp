// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/reward.h"

#include "learning/grpo/released_scorer.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

bool is_correct(const data::Case& row, const simulator::ParsedAnswer& answer) {
  if (row.task == data::Task::kJudge)
    return answer.yes.has_value() && *answer.yes == (row.label == 1);
  return answer.choice.has_value() && *answer.choice == row.answer_index;
}

}  // namespace

void RewardConfig::check() const {
  check_one_of("scorer", scorer, {"paper", "official"});
  constexpr double kMost = 1e6;  // also refuses what is no number
  check_range("format", format, -kMost, kMost);
  check_range("judge-right", judge_right, -kMost, kMost);
  check_range("judge-wrong", judge_wrong, -kMost, kMost);
  check_range("judge-unanswered", judge_unanswered, -kMost, kMost);
  check_range("select-right", select_right, -kMost, kMost);
  check_range("select-wrong", select_wrong, -kMost, kMost);
  check_range("select-unanswered", select_unanswered, -kMost, kMost);
}

Reward score_reply(const data::Case& row,
                   const simulator::PromptConfig& prompt,
                   std::string_view reply,
                   const std::string& finish_reason,
                   const RewardConfig& config) {
  const bool is_judge = row.task == data::Task::kJudge;
  if ((is_judge ? row.label : row.answer_index) < 0)
    throw DataError("case " + row.case_id + " has no label: rewards need one");
  Reward reward;
  reward.answer = simulator::parse_reply(row, prompt, reply, finish_reason);
  reward.correct = is_correct(row, reward.answer);
  if (config.scorer == "official") {
    const ReleasedScore score = score_as_released(row, prompt, reply);
    reward.format = score.format;
    reward.task = score.task;
    return reward;
  }
  if (simulator::is_in_form(reply, row.task, prompt)) reward.format = config.format;
  const bool answered = data::is_answered(reward.answer.status);
  if (is_judge) {
    reward.task = reward.correct ? config.judge_right
                  : answered     ? config.judge_wrong
                                 : config.judge_unanswered;
  } else {
    reward.task = reward.correct ? config.select_right
                  : answered     ? config.select_wrong
                                 : config.select_unanswered;
  }
  return reward;
}

}  // namespace vragent::learning
