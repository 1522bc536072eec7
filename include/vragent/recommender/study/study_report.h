// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A feedback study as tables and as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vragent/recommender/study/feedback_study.h"
#include "vragent/util/table.h"

namespace vragent::recommender::study {

inline constexpr std::string_view kStudyFile = "feedback.json";

/// Table 4 (means over seeds), the paired differences, what was inserted and dropped.
std::vector<Table> study_tables(const FeedbackStudy& study);

/// {"seeds", "users", "arms": [...], "differences": [...]}
std::string study_json(const FeedbackStudy& study);

}  // namespace vragent::recommender::study
