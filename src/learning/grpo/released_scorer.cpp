// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/released_scorer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vragent/simulator/tasks.h"
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

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(
      parts.begin(), parts.end(), [&](std::string_view part) { return has(text, part); });
}

/// Python's \s: it counts the four information separators as white space, Unicode does not.
bool is_space(char32_t code) {
  return (code >= 0x1C && code <= 0x1F) || words::char_class(code) == words::CharClass::kSpace;
}

/// Python's \w: no marks and no joiners, but numbers of every kind.
bool is_word(char32_t code) {
  const auto kind = words::char_class(code);
  return code == '_' || kind == words::CharClass::kLetter || kind == words::CharClass::kNumber;
}

/// End of the run at `begin` whose characters all fit.
std::size_t run_end(std::string_view text, std::size_t begin, const auto& fits) {
  while (begin < text.size()) {
    const auto read = words::read_utf8(text, begin);
    if (!fits(read.code)) break;
    begin += read.size;
  }
  return begin;
}

/// As trim(), for Unicode's white space too.
std::string_view strip(std::string_view text) {
  text.remove_prefix(run_end(text, 0, is_space));
  while (!text.empty()) {
    const auto last = words::last_char(text);
    if (!is_space(words::read_utf8(text, last).code)) break;
    text = text.substr(0, last);
  }
  return text;
}

std::int64_t count_of(std::string_view text, std::string_view part) {
  std::int64_t count = 0;
  for (auto at = text.find(part); at != kNowhere; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// Contents of the last closed pair of <answer>.
std::optional<std::string_view> last_answer(std::string_view text) {
  std::optional<std::string_view> answer;
  for (auto at = text.find(kAnswer); at != kNowhere;) {
    const auto begin = at + kAnswer.size();
    const auto end = text.find(kEndAnswer, begin);
    if (end == kNowhere) break;
    answer = strip(text.substr(begin, end - begin));
    at = text.find(kAnswer, end);
  }
  return answer;
}

/// From the first <answer> to the first end tag, which may close nothing: then it is empty.
std::string_view formatted_span(std::string_view text) {
  const auto begin = text.find(kAnswer) + kAnswer.size();
  const auto end = text.find(kEndAnswer);
  return end < begin ? std::string_view() : text.substr(begin, end - begin);
}

/// What is written inside the answer: labels and numbers of the fields.
double field_quality(std::string_view span, data::Task task) {
  const std::string low = lower(span);
  if (task == data::Task::kJudge) return has_any(low, {"n", "ye", "lik"}) ? 1.0 : 0.7;
  const bool is_labelled = has_any(low,
                                   {"next_video:",
                                    "\u4E0B\u4E00\u4E2A\u89C6\u9891:",  // next video
                                    "\u63A8\u8350\u89C6\u9891:",        // recommended video
                                    "\u89C6\u9891\u63A8\u8350:"});      // video recommendation
  const bool is_numbered = has_any(low, {"(1)", "(2)", "\uFF081\uFF09", "\uFF082\uFF09"});
  const double quality = is_labelled ? 1.0 : 0.7;
  return is_numbered ? quality : quality * 0.9;
}

double format_score(std::string_view text, data::Task task) {
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
  quality *= field_quality(formatted_span(text), task);
  return is_valid ? quality : quality * 0.5;
}

/// -1 is none. Full-width digits count for Python as well.
std::int64_t digit_value(char32_t code) {
  for (const char32_t zero : {U'0', U'\uFF10'}) {
    if (code >= zero && code <= zero + 9) return static_cast<std::int64_t>(code - zero);
  }
  return -1;
}

/// The number behind the first "user_like" that has one.
std::optional<std::int64_t> labelled_judgment(std::string_view low) {
  constexpr std::string_view kLabel = "user_like";
  constexpr std::int64_t kMost = 1'000'000;  // larger ones are no label either
  for (auto at = low.find(kLabel); at != kNowhere; at = low.find(kLabel, at + 1)) {
    std::string_view rest = low.substr(at + kLabel.size());
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const auto begin = run_end(rest, 0, is_space);
    std::int64_t value = 0;
    const auto end = run_end(rest, begin, [&](char32_t code) {
      const auto digit = digit_value(code);
      if (digit >= 0) value = std::min(value * 10 + digit, kMost);
      return digit >= 0;
    });
    if (end > begin) return value;
  }
  return std::nullopt;
}

/// "user_like: 1" first, else words wherever they stand, in whatever other word.
std::optional<std::int64_t> released_judgment(std::string_view answer) {
  const std::string low = lower(answer);
  if (const auto value = labelled_judgment(low)) return value;
  if (has(low, "enjoy") || has(low, "yes")) return 1;
  if (has(low, "dislike") || has(low, "no")) return 0;
  return std::nullopt;
}

std::string_view unquoted(std::string_view text) {
  constexpr std::string_view kQuotes = "\"'";
  const auto begin = text.find_first_not_of(kQuotes);
  if (begin == kNowhere) return {};
  return text.substr(begin, text.find_last_not_of(kQuotes) - begin + 1);
}

/// What follows the label, up to a line's end, a full stop or a semicolon behind its first
/// character. A title has at least one: at the text's end the blank before it or the colon.
std::optional<std::string_view> labelled_title(std::string_view low) {
  constexpr std::string_view kLabel = "next_video";
  const auto at = low.find(kLabel);
  if (at == kNowhere) return std::nullopt;
  std::string_view rest = low.substr(at + kLabel.size());
  if (rest.empty()) return std::nullopt;
  if (rest == ":") return rest;
  if (rest.starts_with(':')) rest.remove_prefix(1);
  rest.remove_prefix(run_end(rest, 0, is_space));
  return unquoted(strip(rest.substr(0, rest.find_first_of("\n.;", 1))));
}

/// Turns of speech that announce a title: the stem, then the first of the tails that fits.
struct Phrase {
  std::string_view stem;
  std::array<std::string_view, 6> tails;
};

/// In the order of the release, where the first leaves the sixth nothing to find.
constexpr std::array kPhrases = std::to_array<Phrase>({
    {"recommend", {"ed watching ", "ed viewing ", "ed ", " watching ", " viewing ", " "}},
    {"suggestion", {": "}},
    {"might enjoy", {" "}},
    {"would ", {"like ", "enjoy "}},
    {"next ", {"video: ", "content: ", "course: "}},
    {"recommended ",
     {"next content: ", "next video: ", "next course: ", "content: ", "video: ", "course: "}},
    {"should watch", {" "}},
    {"ideal next ",
     {"video is ", "video would be ", "video ", "content is ", "content would be ", "content "}},
    {"predict", {" the user will watch ", " "}},
});

/// The words behind a phrase, or nothing.
std::string_view announced_by(const Phrase& phrase, std::string_view low) {
  constexpr std::string_view kPunctuation = "&,:-'\".";
  const auto fits = [&](char32_t code) {
    return is_word(code) || is_space(code) ||
           (code < 0x80 && kPunctuation.find(static_cast<char>(code)) != kNowhere);
  };
  for (auto at = low.find(phrase.stem); at != kNowhere; at = low.find(phrase.stem, at + 1)) {
    const std::string_view rest = low.substr(at + phrase.stem.size());
    for (const std::string_view tail : phrase.tails) {
      if (tail.empty() || !rest.starts_with(tail)) continue;
      const auto end = run_end(rest, tail.size(), fits);
      if (end > tail.size()) return rest.substr(tail.size(), end - tail.size());
    }
  }
  return {};
}

/// Lower-case, "" where nothing announces a title.
std::string released_title(std::string_view text) {
  const std::string low = lower(text);
  if (const auto title = labelled_title(low)) return std::string(strip(*title));
  for (const Phrase& phrase : kPhrases) {
    const auto words = announced_by(phrase, low);
    if (!words.empty()) return std::string(strip(words));
  }
  return "";
}

/// Runs of \w.
std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  while (!text.empty()) {
    const auto end = run_end(text, 0, is_word);
    if (end > 0) words.emplace(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(run_end(text, 0, [](char32_t code) { return !is_word(code); }));
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
  for (const std::string& candidate : candidates) lowered.push_back(lower(strip(candidate)));
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
  const auto answer = last_answer(text);
  if (!answer) return {};
  ReleasedScore score{.format = format_score(text, row.task), .task = 0};
  if (row.task == data::Task::kJudge) {
    score.task = released_judgment(*answer) == row.label ? 2 : -2;
  } else {
    score.task = selection_score(row, prompt, *answer, text);
  }
  return score;
}

}  // namespace vragent::learning
