// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/tasks.h"

#include <stdexcept>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::simulator {
namespace {

constexpr std::int64_t kNumLetters = 26;

std::string system_text(data::Task task, const PromptConfig& config) {
  const std::string answer = task == data::Task::kJudge ? "Yes or No" : "one letter";
  const std::string role = formatted(
      "You simulate one user of a video app: predict this user's choice from the watched videos, "
      "listed oldest first{}.",
      config.comments ? ", with the user's comments" : "");
  if (!config.cot) return role + formatted(" Reply only as <answer>{}</answer>", answer);
  return role + formatted(
                    " Reason briefly about the user's taste, then reply as "
                    "<think>reasoning</think><answer>{}</answer>",
                    answer);
}

std::string history_text(const data::Case& row, const PromptConfig& config) {
  std::string text = "Watched:\n";
  const auto lines = profile_lines(row.history, config);
  if (lines.empty()) text += "(nothing yet)\n";
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

std::string question_text(const data::Case& row, const PromptConfig& config) {
  const auto candidates = shown_candidates(row, config);
  if (row.task == data::Task::kJudge) {
    return "Candidate:\n- " + candidates.front() + "\nWill this user watch it?";
  }
  std::string text = "Candidates:\n";
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    text += letter_of(static_cast<std::int64_t>(i)) + ". " + candidates[i] + '\n';
  }
  return text + "Which one will this user watch next?";
}

void check_candidates(const data::Case& row) {
  const auto count = static_cast<std::int64_t>(row.candidates.size());
  if (count >= 1 && count <= kNumLetters) return;
  throw DataError(
      formatted("case {}: {} candidates, 1 to {} can be shown", row.case_id, count, kNumLetters));
}

}  // namespace

std::vector<chat::Message> task_messages(const data::Case& row, const PromptConfig& config) {
  check_candidates(row);
  return {{"system", system_text(row.task, config), {}},
          {"user", history_text(row, config) + question_text(row, config), {}}};
}

std::string assistant_prefill(const PromptConfig& config) {
  if (!config.prefill) return "";
  return config.cot ? "<think>" : "<answer>";
}

std::string answer_in_form(const std::string& reasoning,
                           const std::string& answer,
                           const PromptConfig& config) {
  const std::string last = "<answer>" + answer + "</answer>";
  return config.cot ? "<think>" + reasoning + "</think>" + last : last;
}

std::string letter_of(std::int64_t index) {
  if (index < 0 || index >= kNumLetters) throw std::logic_error("no letter for this candidate");
  return {static_cast<char>('A' + index)};
}

std::vector<std::string> shown_candidates(const data::Case& row, const PromptConfig& config) {
  std::vector<std::string> texts;
  for (const data::Candidate& candidate : row.candidates) {
    texts.push_back(shown_text(candidate.title, candidate.caption, config));
  }
  return texts;
}

std::string true_answer(const data::Case& row) {
  if (row.task == data::Task::kSelect) {
    return row.answer_index < 0 ? "" : letter_of(row.answer_index);
  }
  if (row.label < 0) return "";
  return row.label == 1 ? "Yes" : "No";
}

}  // namespace vragent::simulator
