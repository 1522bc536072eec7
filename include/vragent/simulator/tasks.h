// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The two tasks of the paper as conversations: user preference judgment ("will this user watch
// it?") and next video selection ("which of these?"). The wording is ours and short; the answer is
//   <think>reasoning</think><answer>Yes</answer>      with reasoning (PromptConfig::cot)
//   <answer>B</answer>                                without
// and its answer field holds nothing but the final answer: Yes, No, or a candidate's letter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/chat/chat_model.h"
#include "vragent/data/cases.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::simulator {

/// System and user turn of a case. Neither the label nor the case's id or aux scores enter them.
/// @throws DataError naming the case when it has more candidates than letters
std::vector<chat::Message> task_messages(const data::Case& row, const PromptConfig& config);

/// What the assistant's turn begins with: "<think>", "<answer>", or "" without config.prefill.
std::string assistant_prefill(const PromptConfig& config);

/// A whole answer in the agreed form, for demonstrations. @param reasoning unused without cot
std::string answer_in_form(const std::string& reasoning,
                           const std::string& answer,
                           const PromptConfig& config);

/// "A" for 0, "B" for 1, ... @throws std::logic_error beyond 26
std::string letter_of(std::int64_t index);

/// The texts under which the candidates are shown, in their order.
std::vector<std::string> shown_candidates(const data::Case& row, const PromptConfig& config);

/// The right answer ("Yes", "No" or a letter); "" when the case does not tell.
std::string true_answer(const data::Case& row);

}  // namespace vragent::simulator
