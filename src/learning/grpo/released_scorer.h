// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rewards as the authors' release pays them: for answers of the form "(1) User_preference: ...
// (2) Prediction: Yes" or "(2) Next_video: TITLE". Their quirks are kept: a reply without a closed
// answer earns 0, more than a wrong one; "enjoy" anywhere in the answer says Yes; a title ends at
// the first full stop; a title that nothing announces fits candidate 0. Not kept: the release also
// looks for "Assistant:" in the prompt, reads digits of every script behind "user_like" (here ASCII
// and full-width) and lower-cases a Greek sigma by its place in the word.
#pragma once

#include <string_view>

#include "vragent/data/cases.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::learning {

struct ReleasedScore {
  double format = 0;  ///< in [0, 1]: halved for each slip of form
  double task = 0;    ///< judge: 2 or -2; select: 2 right, -1.5 another candidate, -2 none of them
};

/// @param reply with the prefill in front
ReleasedScore score_as_released(const data::Case& row,
                                const simulator::PromptConfig& prompt,
                                std::string_view reply);

}  // namespace vragent::learning
