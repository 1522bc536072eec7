// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rewards of the two tasks (paper Eq. 1 and 2): R1 = R_format + R_jud, R2 = R_format + R_sel. A
// reply that cannot be read is no error: it has no format reward and counts as a wrong answer.
#pragma once

#include <string>
#include <string_view>

#include "vragent/data/cases.h"
#include "vragent/simulator/answer_parser.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::learning {

/// Every constant is a setting. The paper gives +1 / -1 for judgments and 2 for the right
/// selection; it leaves the format's value and the wrong selection's open.
struct RewardConfig {
  std::string scorer = "paper";
  double format = 1.0;
  double judge_right = 1.0;
  double judge_wrong = -1.0;
  double judge_unanswered = -1.0;
  double select_right = 2.0;
  double select_wrong = 0.0;
  double select_unanswered = 0.0;

  void visit(auto& v) {
    v("scorer",
      scorer,
      "paper: the values below; official: the authors' released scorers, quirks included, without "
      "the values below; they want the fields of --prompt.answer-form official");
    v("format", format, "a reply in the agreed form");
    v("judge-right", judge_right, "right judgment");
    v("judge-wrong", judge_wrong, "wrong judgment");
    v("judge-unanswered", judge_unanswered, "judgment that cannot be read");
    v("select-right", select_right, "right selection");
    v("select-wrong", select_wrong, "wrong selection");
    v("select-unanswered", select_unanswered, "selection that cannot be read");
  }

  void check() const;
};

struct Reward {
  double format = 0;
  double task = 0;       ///< R_jud or R_sel
  bool correct = false;  ///< by our own parser, whatever scorer pays
  simulator::ParsedAnswer answer;

  [[nodiscard]] double total() const { return format + task; }
};

/// Reward of one reply to a labelled case.
/// @param reply with the prefill in front; @param finish_reason "stop" or "length"
/// @throws DataError when the case has no label
Reward score_reply(const data::Case& row,
                   const simulator::PromptConfig& prompt,
                   std::string_view reply,
                   const std::string& finish_reason,
                   const RewardConfig& config);

}  // namespace vragent::learning
