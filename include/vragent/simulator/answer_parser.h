// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A model's reply -> Yes or No, or a candidate; with a status, and never by guessing. One parser
// for all agents and for the rewards. It understands the agreed form (tasks.h) and that of the
// authors' release, "(1) User_preference: ... (2) Prediction: Yes" or "Next_video: TITLE".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::simulator {

/// How the answer was recognised.
enum class MatchTier {
  kNone,        ///< it was not
  kWord,        ///< judge: the word yes or no
  kLetter,      ///< select: the candidate's letter
  kExact,       ///< select: the candidate's text as shown
  kNormalised,  ///< select: the same letters and digits, whatever case and punctuation
  kContained,   ///< select: a piece of one text, or a value that holds one text
  kFuzzy,       ///< select: the one text of highest token F1, at least 0.5
};

std::string to_string(MatchTier tier);

/// What a reply says. `yes` or `choice` is set exactly when is_answered(status).
struct ParsedAnswer {
  data::AnswerStatus status = data::AnswerStatus::kEmpty;
  std::optional<bool> yes;             ///< judge
  std::optional<std::int64_t> choice;  ///< select: index among the candidates
  MatchTier tier = MatchTier::kNone;   ///< of the answer, or of the texts that tie
  double score = 0;       ///< token F1 of a fuzzy match, 1 for the others, 0 without a match
  std::string reasoning;  ///< the text between <think> and </think>
  std::string value;      ///< the prediction field that was read
};

/// A reply cut at its tags. Views into the reply.
struct ReplyParts {
  std::string_view reasoning;
  std::string_view answer;  ///< inside <answer>; the last line of untagged text; else empty
  bool tagged = false;      ///< there was an <answer> tag
  bool closed = false;      ///< ... and its end tag
  bool in_reasoning =
      false;  ///< the only answer stood inside the reasoning, or that was not closed
};

/// Cuts a reply (prefill included): the first <answer> after the first </think> is the answer; what
/// follows </answer> is ignored; open reasoning swallows untagged text. Tags in any letter case.
ReplyParts split_reply(std::string_view reply);

/// Whether a reply (prefill included) has exactly the agreed form: one <think>...</think> (none
/// without `cot`), then one <answer>...</answer>, in this order, neither of them empty, and nothing
/// but white space around them. The format reward of training.
bool is_in_form(std::string_view reply, bool cot);

/// The same in the form that prompts of this config ask for: the official one wants its labels
/// User_preference and Prediction (judge) or Next_video (select) in the answer.
bool is_in_form(std::string_view reply, data::Task task, const PromptConfig& config);

/// Reads Yes or No from the prediction field only, as a whole word; of several the last counts, and
/// an echoed "Yes/No" does not count at all.
/// @param reply prefill included. @param finish_reason "length": an open answer is truncated
ParsedAnswer parse_judgment(std::string_view reply, const std::string& finish_reason);

/// Reads the chosen candidate: its letter, else its text by the tiers above; ties are ambiguous.
/// @param candidates the texts as shown. @param lettered candidates were shown with letters; else a
///   letter is a text like others
ParsedAnswer parse_selection(std::string_view reply,
                             const std::vector<std::string>& candidates,
                             const std::string& finish_reason,
                             bool lettered = true);

/// parse_judgment() or parse_selection(), as the case's task asks.
ParsedAnswer parse_reply(const data::Case& row,
                         const PromptConfig& config,
                         std::string_view reply,
                         const std::string& finish_reason);

}  // namespace vragent::simulator
