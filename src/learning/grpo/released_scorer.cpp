// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/released_scorer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vragent/simulator/tasks.h"
#include "vragent/util/text.h"
#include "vragent/words/unicode.h"

namespace vragent::learning {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::string_view kAnswer = "<answer>";
constexpr std::string_view kEndAnswer = "</answer>";

std::string lower(std::string_view text) {
  return words::lower_case(std::string(text));
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != kNowhere;
}

std::int64_t count_of(std::string_view text, std::string_view part) {
  std::int64_t count = 0;
  for (auto at = text.find(part); at != kNowhere; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// Contents of the closed pairs of <answer>, in their order.
std::vector<std::string_view> answer_spans(std::string_view text) {
  std::vector<std::string_view> spans;
  for (auto at = text.find(kAnswer); at != kNowhere;) {
    const auto begin = at + kAnswer.size();
    const auto end = text.find(kEndAnswer, begin);
    if (end == kNowhere) break;
    spans.push_back(trim(text.substr(begin, end - begin)));
    at = text.find(kAnswer, end);
  }
  return spans;
}

/// What is written inside the first answer: labels and numbers of the fields.
double field_quality(std::string_view span, data::Task task) {
  if (task == data::Task::kJudge) {
    const std::string low = lower(span);
    return has(low, "n") || has(low, "ye") || has(low, "lik") ? 1.0 : 0.7;
  }
  double quality = has(lower(span), "next_video:") ? 1.0 : 0.7;
  const bool is_numbered = (has(span, "(1)") && has(span, "(2)")) ||
                           (has(span, "\uFF081\uFF09") && has(span, "\uFF082\uFF09"));
  return is_numbered ? quality : quality * 0.9;
}

double format_score(std::string_view text, std::string_view first_span, data::Task task) {
  double quality = 1;
  bool is_valid = true;
  for (const std::string_view tag :
       {std::string_view("<think>"), std::string_view("</think>"), kAnswer, kEndAnswer}) {
    if (count_of(text, tag) == 1) continue;
    quality *= 0.5;
    is_valid = false;
  }
  const auto place = [&](std::string_view tag) {  // of a tag that is missing: before all others
    const auto at = text.find(tag);
    return at == kNowhere ? std::ptrdiff_t{-1} : static_cast<std::ptrdiff_t>(at);
  };
  if (place("<think>") > place("</think>") || place("</think>") > place(kAnswer) ||
      place(kAnswer) > place(kEndAnswer)) {
    quality *= 0.5;
    is_valid = false;
  }
  quality *= field_quality(first_span, task);
  return is_valid ? quality : quality * 0.5;
}

/// "user_like: 1" first, else words wherever they stand, in whatever other word.
std::optional<std::int64_t> released_judgment(std::string_view answer) {
  const std::string low = lower(answer);
  constexpr std::string_view kLabel = "user_like:";
  if (const auto at = low.find(kLabel); at != std::string::npos) {
    const std::string_view rest = trim(std::string_view(low).substr(at + kLabel.size()));
    const auto digits = rest.substr(0, rest.find_first_not_of("0123456789"));
    if (const auto value = parse_integer(digits)) return value;
  }
  if (has(low, "enjoy") || has(low, "yes")) return 1;
  if (has(low, "dislike") || has(low, "no")) return 0;
  return std::nullopt;
}

/// What follows the label, up to a line's end, a full stop or a semicolon; lower-case, unquoted.
std::string released_title(std::string_view text) {
  const std::string low = lower(text);
  constexpr std::string_view kLabel = "next_video";
  const auto at = low.find(kLabel);
  if (at == std::string::npos) return "";
  std::string_view rest = std::string_view(low).substr(at + kLabel.size());
  rest = trim(rest);
  if (rest.starts_with(':')) rest = trim(rest.substr(1));
  rest = trim(rest.substr(0, rest.find_first_of("\n.;")));
  while (!rest.empty() && has("\"'", rest.substr(0, 1))) rest.remove_prefix(1);
  while (!rest.empty() && has("\"'", rest.substr(rest.size() - 1))) rest.remove_suffix(1);
  return std::string(trim(rest));
}

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> words;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) words.emplace(word);
  }
  return words;
}

/// Shared words over all words.
double jaccard(const std::string& a, const std::string& b) {
  const auto left = words_of(a);
  const auto right = words_of(b);
  const auto shared = std::count_if(
      left.begin(), left.end(), [&](const auto& word) { return right.contains(word); });
  const auto all = std::ssize(left) + std::ssize(right) - shared;
  return all == 0 ? 0 : static_cast<double>(shared) / static_cast<double>(all);
}

/// The first equal candidate, else the first that holds the title or is held by it, else the one
/// that shares most words (more than .3); -1 is none.
std::int64_t released_match(const std::string& title, const std::vector<std::string>& candidates) {
  std::vector<std::string> lowered;
  for (const std::string& candidate : candidates) lowered.push_back(lower(trim(candidate)));
  if (const auto equal = std::find(lowered.begin(), lowered.end(), title); equal != lowered.end())
    return equal - lowered.begin();
  std::int64_t best = -1;
  double most = 0.3;
  for (std::size_t i = 0; i < lowered.size(); ++i) {
    if (has(lowered[i], title) || has(title, lowered[i])) return static_cast<std::int64_t>(i);
  }
  for (std::size_t i = 0; i < lowered.size(); ++i) {
    const double shared = jaccard(title, lowered[i]);
    if (shared <= most) continue;
    most = shared;
    best = static_cast<std::int64_t>(i);
  }
  return best;
}

double selection_score(const data::Case& row,
                       const simulator::PromptConfig& prompt,
                       std::string_view answer,
                       std::string_view text) {
  const std::string title = released_title(answer.empty() ? text : answer);
  const std::int64_t match = released_match(title, simulator::shown_candidates(row, prompt));
  if (match == row.answer_index) return 2;
  return match >= 0 ? -1.5 : -2;
}

}  // namespace

ReleasedScore score_as_released(const data::Case& row,
                                const simulator::PromptConfig& prompt,
                                std::string_view reply) {
  constexpr std::string_view kTurn = "Assistant:";
  const auto turn = reply.find(kTurn);
  const std::string_view text = turn == kNowhere ? reply : reply.substr(turn + kTurn.size());
  const auto spans = answer_spans(text);
  if (spans.empty()) return {};
  ReleasedScore score{.format = format_score(text, spans.front(), row.task), .task = 0};
  if (row.task == data::Task::kJudge) {
    score.task = released_judgment(spans.back()) == row.label ? 2 : -2;
  } else {
    score.task = selection_score(row, prompt, spans.back(), text);
  }
  return score;
}

}  // namespace vragent::learning
