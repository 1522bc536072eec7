// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/tasks.h"

#include <stdexcept>

#include "simulator/reply_fields.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::simulator {
namespace {

constexpr std::int64_t kNumLetters = 26;
constexpr std::string_view kPreference = "(1) User_preference: ";
constexpr std::string_view kPrediction = "(2) Prediction:";
/// Where nobody wrote down what the user likes. It must not hold a word that the released scorer
/// reads as an answer ("enjoy", "yes", "no", inside of other words too).
constexpr std::string_view kUnstated = "see the history above";

/// What the second field is called.
std::string label_of(data::Task task) {
  return task == data::Task::kJudge ? std::string(kPrediction) : "(2) Next_video:";
}

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

/// The system turn of the official form, whose labels are the release's and whose wording is not.
std::string released_system_text(data::Task task, bool cot) {
  const bool judge = task == data::Task::kJudge;
  const std::string goal = judge ? "whether the user will watch the candidate video"
                                 : "which of the candidate videos the user will watch next";
  const std::string how =
      cot ? "First reason about the viewing history and the preferences it shows, between <think> "
            "and </think>; then answer"
          : "Answer";
  return formatted(
      "You are a helpful assistant that predicts {}. {} between <answer> and </answer> in two "
      "numbered fields:\n{}the user's preferences in a few words\n{} {}",
      goal,
      how,
      kPreference,
      label_of(task),
      judge ? "Yes or No" : "the title of one candidate, copied exactly");
}

std::string released_question(data::Task task,
                              const std::vector<std::string>& history,
                              const std::vector<std::string>& candidates) {
  std::string text = "User's viewing history:\n";
  if (history.empty()) text += "(nothing yet)\n";
  for (const std::string& line : history) text += line + '\n';
  if (task == data::Task::kJudge) return text + "Candidate video: " + candidates.front();
  text += "Candidate videos for the next watch:";
  for (const std::string& candidate : candidates) text += "\n- " + candidate;
  return text;
}

/// Both fields. @param value Yes, No or a title
std::string released_fields(data::Task task,
                            const std::string& preference,
                            const std::string& value) {
  return formatted("{}{}\n{} {}",
                   kPreference,
                   preference.empty() ? kUnstated : std::string_view(preference),
                   label_of(task),
                   value);
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
  if (asks_for_fields(config)) {
    return {{"system", released_system_text(row.task, config.cot), {}},
            {"user",
             released_question(
                 row.task, profile_lines(row.history, config), shown_candidates(row, config)),
             {}}};
  }
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

std::string answer_field(const data::Case& row,
                         const std::string& answer,
                         const std::string& preference,
                         const PromptConfig& config) {
  if (!asks_for_fields(config)) return answer;
  std::string value = answer;
  if (row.task == data::Task::kSelect) {
    const auto shown = shown_candidates(row, config);
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (answer == letter_of(static_cast<std::int64_t>(i))) value = shown[i];
    }
  }
  return released_fields(row.task, one_line(preference, config.max_item_chars), value);
}

std::string letter_of(std::int64_t index) {
  if (index < 0 || index >= kNumLetters) throw std::logic_error("no letter for this candidate");
  return {static_cast<char>('A' + index)};
}

bool asks_for_fields(const PromptConfig& config) {
  return config.answer_form == "official";
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

std::string until_released_prediction(const std::string& reply, std::size_t answer_begin) {
  const std::string label = "prediction:";
  const auto at = ascii_lower(reply).find(label, answer_begin);
  if (at != std::string::npos) return reply.substr(0, at + label.size());
  return formatted(
      "{}{}{}\n{}", reply.substr(0, answer_begin), kPreference, kUnstated, kPrediction);
}

}  // namespace vragent::simulator
