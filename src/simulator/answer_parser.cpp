// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/answer_parser.h"

#include <algorithm>
#include <array>

#include "simulator/reply_fields.h"
#include "simulator/title_match.h"
#include "vragent/simulator/tasks.h"
#include "vragent/text/tagged_answer.h"
#include "vragent/util/text.h"

namespace vragent::simulator {
namespace {

using data::AnswerStatus;

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kEndThink = "</think>";
constexpr std::string_view kAnswer = "<answer>";
constexpr std::string_view kEndAnswer = "</answer>";
constexpr auto kNowhere = std::string_view::npos;

/// First <answer> of text[from, to) with what it holds.
ReplyParts answer_between(std::string_view reply,
                          const std::string& lower,
                          std::size_t from,
                          std::size_t to) {
  ReplyParts parts;
  const auto tag = lower.find(kAnswer, from);
  if (tag == kNowhere || tag >= to) return parts;
  std::size_t begin = tag + kAnswer.size();
  while (lower.compare(begin, kAnswer.size(), kAnswer) == 0) begin += kAnswer.size();
  const auto end = std::min(lower.find(kEndAnswer, begin), to);
  parts.tagged = true;
  parts.closed = end < to;
  // An end tag that is itself cut off is no part of the answer.
  const auto stump = parts.closed ? end : std::min(lower.find("</", begin), to);
  parts.answer = trim(reply.substr(begin, stump - begin));
  return parts;
}

/// The reasoning: from <think> (or the start) to `end`.
std::string_view reasoning_before(std::string_view reply,
                                  const std::string& lower,
                                  std::size_t end) {
  const auto tag = lower.find(kThink);
  const std::size_t begin = tag == kNowhere || tag >= end ? 0 : tag + kThink.size();
  return trim(reply.substr(begin, end - begin));
}

/// The reply without a closed <think> part.
ReplyParts split_open(std::string_view reply, const std::string& lower) {
  ReplyParts parts = answer_between(reply, lower, 0, reply.size());
  const bool is_thinking = lower.find(kThink) != kNowhere;
  if (parts.tagged) {
    parts.in_reasoning = is_thinking;
    if (is_thinking) parts.reasoning = reasoning_before(reply, lower, lower.find(kAnswer));
    return parts;
  }
  if (is_thinking) {
    parts.reasoning = reasoning_before(reply, lower, reply.size());
  } else if (const auto lines = filled_lines(reply); !lines.empty()) {
    parts.answer = lines.back();
  }
  return parts;
}

bool is_cut(const ReplyParts& parts, const std::string& finish_reason) {
  return finish_reason == "length" && !parts.closed;
}

/// Status of a field in which no answer was found.
AnswerStatus unread_status(const ReplyParts& parts, std::string_view value, bool is_ambiguous) {
  if (is_ambiguous) return AnswerStatus::kAmbiguous;
  if (is_refusal(parts.answer)) return AnswerStatus::kRefusal;
  return trim(value).empty() ? AnswerStatus::kEmpty : AnswerStatus::kOutOfSet;
}

/// Lower-case ASCII words of a field; bytes beyond ASCII belong to words.
std::vector<std::string> field_words(std::string_view text) {
  std::vector<std::string> words;
  bool open = false;
  for (const char c : ascii_lower(text)) {
    const bool is_part = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                         (static_cast<unsigned char>(c) & 0x80U) != 0;
    if (is_part && !open) words.emplace_back();
    if (is_part) words.back() += c;
    open = is_part;
  }
  return words;
}

bool is_yes_or_no(const std::string& word) {
  return word == "yes" || word == "no";
}

/// Removes "yes no" and "yes or no" pairs: an echo of the question. True when there was one.
bool remove_echo(std::vector<std::string>& words) {
  bool removed = false;
  for (std::size_t i = 0; i + 1 < words.size();) {
    const std::size_t gap = words[i + 1] == "or" && i + 2 < words.size() ? 2 : 1;
    const bool is_pair =
        is_yes_or_no(words[i]) && is_yes_or_no(words[i + gap]) && words[i] != words[i + gap];
    if (!is_pair) {
      ++i;
      continue;
    }
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(begin, begin + static_cast<std::ptrdiff_t>(gap) + 1);
    removed = true;
  }
  return removed;
}

/// The field that holds the prediction, or nothing when there only is a preference.
std::optional<std::string_view> prediction_field(std::string_view answer, bool is_judgment) {
  const auto value = is_judgment ? labelled_value(answer, {"prediction"}, true)
                                 : labelled_value(answer, {"next_video"}, true);
  if (value) return value;
  if (ascii_lower(answer).find("user_preference") != kNowhere) return second_field(answer);
  const auto generic =
      labelled_value(answer,
                     {"final answer", "answer", "the answer", "choice", "next video", "prediction"},
                     false);
  return generic ? generic : answer;
}

ParsedAnswer begin_answer(const ReplyParts& parts, const std::string& finish_reason) {
  ParsedAnswer parsed;
  parsed.reasoning = std::string(parts.reasoning);
  if (is_cut(parts, finish_reason)) parsed.status = AnswerStatus::kTruncated;
  return parsed;
}

/// ok when the field was tagged, closed and held nothing but the answer.
AnswerStatus read_status(const ReplyParts& parts, bool is_plain) {
  const bool in_form = parts.tagged && parts.closed && !parts.in_reasoning && is_plain;
  return in_form ? AnswerStatus::kOk : AnswerStatus::kLenient;
}

void choose(ParsedAnswer& parsed, const TitleMatch& match, const ReplyParts& parts) {
  parsed.choice = match.index;
  parsed.tier = match.tier;
  parsed.score = match.score;
  parsed.status = read_status(parts, match.tier == MatchTier::kExact);
}

/// The letter's reading when it stands; the match of the words behind it may confirm or contradict.
std::optional<TitleMatch> match_letter(const LetterReading& letter,
                                       const std::vector<std::string>& candidates) {
  if (!letter.index) return std::nullopt;
  TitleMatch match{
      .index = letter.index, .ambiguous = false, .tier = MatchTier::kLetter, .score = 1};
  if (letter.alone) return match;
  const TitleMatch behind = match_title(letter.rest, candidates);
  if (letter.needs_title && behind.index != letter.index) return std::nullopt;
  const bool contradicts =
      behind.tier != MatchTier::kFuzzy && behind.index && behind.index != letter.index;
  if (contradicts) return TitleMatch{.index = {}, .ambiguous = true};
  return match;
}

/// Reads one value as a letter or a title.
TitleMatch match_value(std::string_view value,
                       const std::vector<std::string>& candidates,
                       bool lettered) {
  const TitleMatch raw = match_title(value, candidates);
  const LetterReading letter = lettered ? read_letter(value) : LetterReading{};
  if (raw.tier == MatchTier::kExact && !letter.alone) return raw;
  if (letter.several && raw.tier != MatchTier::kNormalised) return {.index = {}, .ambiguous = true};
  if (const auto match = match_letter(letter, candidates)) {
    const bool is_title_too = raw.tier == MatchTier::kExact || raw.tier == MatchTier::kNormalised;
    if (is_title_too && !letter.alone) return raw;
    if (is_title_too && raw.index != match->index) return {.index = {}, .ambiguous = true};
    return *match;
  }
  const std::string_view stripped = strip_marks(value);
  return stripped == value ? raw : match_title(stripped, candidates);
}

bool is_plain_letter(std::string_view value, const LetterReading& letter) {
  return letter.alone && letter.upper && field_words(value).size() == 1;
}

}  // namespace

std::string to_string(MatchTier tier) {
  constexpr std::array<const char*, 7> kNames = {
      "none", "word", "letter", "exact", "normalised", "contained", "fuzzy"};
  return kNames.at(static_cast<std::size_t>(tier));
}

ReplyParts split_reply(std::string_view reply) {
  const std::string lower = ascii_lower(reply);
  const auto end_think = lower.find(kEndThink);
  if (end_think == kNowhere) return split_open(reply, lower);
  const std::size_t rest = end_think + kEndThink.size();
  ReplyParts parts = answer_between(reply, lower, rest, reply.size());
  if (!parts.tagged && trim(reply.substr(rest)).empty()) {
    parts = answer_between(reply, lower, 0, end_think);
    parts.in_reasoning = parts.tagged;
  } else if (!parts.tagged) {
    parts.answer = filled_lines(reply.substr(rest)).back();
  }
  parts.reasoning = reasoning_before(reply, lower, end_think);
  return parts;
}

bool is_in_form(std::string_view reply, bool cot) {
  const text::TaggedAnswer tags = text::parse_tagged_answer(reply);
  if (!tags.answer || tags.answer->empty()) return false;
  if (cot) return tags.well_formed && !tags.thought->empty();
  const std::string_view text = trim(tags.text);
  return tags.answer_open.count == 1 && tags.answer_end.count == 1 && tags.think.count == 0 &&
         tags.think_end.count == 0 && text.starts_with(kAnswer) && text.ends_with(kEndAnswer);
}

bool is_in_form(std::string_view reply, data::Task task, const PromptConfig& config) {
  if (!is_in_form(reply, config.cot)) return false;
  if (!asks_for_fields(config)) return true;
  const std::string_view answer = split_reply(reply).answer;
  const bool judge = task == data::Task::kJudge;
  return labelled_value(answer, {"user_preference"}, false).has_value() &&
         labelled_value(answer, {judge ? "prediction" : "next_video"}, false).has_value();
}

ParsedAnswer parse_judgment(std::string_view reply, const std::string& finish_reason) {
  const ReplyParts parts = split_reply(reply);
  ParsedAnswer parsed = begin_answer(parts, finish_reason);
  if (parsed.status == AnswerStatus::kTruncated) return parsed;
  const auto field = prediction_field(parts.answer, true);
  parsed.value = std::string(field.value_or(""));
  std::vector<std::string> words = field_words(parsed.value);
  const std::size_t num_words = words.size();
  // Untagged prose is no prediction field, unless a label or its one word makes it one.
  const bool is_prose = !parts.tagged && num_words > 1 && field == parts.answer;
  const bool echoed = remove_echo(words);
  const auto last = std::find_if(words.rbegin(), words.rend(), is_yes_or_no);
  if (is_prose || last == words.rend()) {
    parsed.status = unread_status(parts, is_prose ? "" : parsed.value, echoed && !is_prose);
    return parsed;
  }
  parsed.yes = *last == "yes";
  parsed.tier = MatchTier::kWord;
  parsed.score = 1;
  parsed.status = read_status(parts, num_words == 1);
  return parsed;
}

ParsedAnswer parse_selection(std::string_view reply,
                             const std::vector<std::string>& candidates,
                             const std::string& finish_reason,
                             bool lettered) {
  const ReplyParts parts = split_reply(reply);
  ParsedAnswer parsed = begin_answer(parts, finish_reason);
  if (parsed.status == AnswerStatus::kTruncated) return parsed;
  // A title may begin like a label ("Answer: ..."), so the whole field is compared first.
  TitleMatch match = match_title(parts.answer, candidates);
  parsed.value = std::string(parts.answer);
  if (match.tier != MatchTier::kExact || parts.answer.size() == 1) {
    const auto field = prediction_field(parts.answer, false);
    parsed.value = std::string(field.value_or(""));
    match = match_value(parsed.value, candidates, lettered);
    const auto lines = filled_lines(parsed.value);
    if (!match.index && !match.ambiguous && lines.size() > 1) {
      parsed.value = std::string(lines.back());
      match = match_value(parsed.value, candidates, lettered);
    }
  }
  if (!match.index) {
    parsed.status = unread_status(parts, parsed.value, match.ambiguous);
    parsed.tier = match.tier;
    parsed.score = match.score;
    return parsed;
  }
  if (*match.index >= static_cast<std::int64_t>(candidates.size())) {
    parsed.status = AnswerStatus::kOutOfSet;
    return parsed;
  }
  choose(parsed, match, parts);
  if (match.tier == MatchTier::kLetter) {
    parsed.status = read_status(parts, is_plain_letter(parsed.value, read_letter(parsed.value)));
  }
  return parsed;
}

ParsedAnswer parse_reply(const data::Case& row,
                         const PromptConfig& config,
                         std::string_view reply,
                         const std::string& finish_reason) {
  if (row.task == data::Task::kJudge) return parse_judgment(reply, finish_reason);
  return parse_selection(
      reply, shown_candidates(row, config), finish_reason, !asks_for_fields(config));
}

}  // namespace vragent::simulator
