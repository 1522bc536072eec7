// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The two tasks of the paper as conversations: user preference judgment ("will this user watch
// it?") and next video selection ("which of these?"). The wording is ours and short; the answer is
//   <think>reasoning</think><answer>Yes</answer>      with reasoning (PromptConfig::cot)
//   <answer>B</answer>                                without
// and its answer field holds nothing but the final answer: Yes, No, or a candidate's letter. With
// PromptConfig::answer_form "official" it holds the two fields of the authors' release instead
// (`official_code.md` 3), and candidates have no letters:
//   (1) User_preference: likes dogs
//   (2) Prediction: Yes          or          (2) Next_video: TITLE
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

/// What stands between <answer> and </answer> for "Yes", "No" or a letter: that itself, or both
/// fields of the official form, with the letter's title.
/// @param preference what the user likes; "" where nobody wrote it down
std::string answer_field(const data::Case& row,
                         const std::string& answer,
                         const std::string& preference,
                         const PromptConfig& config);

/// Whether prompts ask for the fields of the release.
bool asks_for_fields(const PromptConfig& config);

/// "A" for 0, "B" for 1, ... @throws std::logic_error beyond 26
std::string letter_of(std::int64_t index);

/// The texts under which the candidates are shown, in their order.
std::vector<std::string> shown_candidates(const data::Case& row, const PromptConfig& config);

/// A reply of the official form up to where its prediction begins, behind "Prediction:"; where it
/// has no such label, what stands before the answer (up to and with "<answer>") and a field of
/// preference go before it. @param answer_begin bytes of the reply before what its <answer> holds
std::string until_released_prediction(const std::string& reply, std::size_t answer_begin);

/// The right answer ("Yes", "No" or a letter); "" when the case does not tell.
std::string true_answer(const data::Case& row);

}  // namespace vragent::simulator
