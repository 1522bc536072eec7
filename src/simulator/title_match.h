// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which of several titles a text means: exactly, by its letters and digits, by containment, by
// token F1. Several that fit equally well are ambiguous.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/simulator/answer_parser.h"

namespace vragent::simulator {

struct TitleMatch {
  std::optional<std::int64_t> index;  ///< empty: no title fits, or several do
  bool ambiguous = false;
  MatchTier tier = MatchTier::kNone;
  double score = 0;
};

/// Lower-case words of letters and digits; each ideograph is a word of its own.
std::vector<std::string> words_of(std::string_view text);

/// The best tier that has a fit decides.
TitleMatch match_title(std::string_view value, const std::vector<std::string>& titles);

}  // namespace vragent::simulator
