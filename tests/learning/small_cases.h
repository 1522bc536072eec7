// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Labelled cases for tests of learning.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/util/files.h"

namespace vragent::learning {

/// "Will the user watch it?" @param label 1 liked, 0 not
inline data::Case judge_case(const std::string& id, std::int64_t label) {
  return {.case_id = id,
          .user_id = "u-" + id,
          .task = data::Task::kJudge,
          .history = {{"1", "the cat plays", "", "nice"}, {"2", "snow " + id, "", ""}},
          .candidates = {{"3", "a dog runs", ""}},
          .label = label};
}

/// "Which of three?" @param answer 0 .. 2
inline data::Case select_case(const std::string& id, std::int64_t answer) {
  return {.case_id = id,
          .user_id = "u-" + id,
          .task = data::Task::kSelect,
          .history = {{"1", "the cat plays", "", ""}},
          .candidates = {{"3", "a dog runs", ""}, {"4", "night market", ""}, {"5", "garden", ""}},
          .answer_index = answer};
}

inline void write_cases(const std::filesystem::path& path, const std::vector<data::Case>& cases) {
  std::string text;
  for (const data::Case& row : cases) text += data::to_line(row) + "\n";
  write_file(path, text);
}

}  // namespace vragent::learning
