// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Demonstrations for the user agent's supervised start: what a careful reader with poor judgment
// would write who sees the prompt of a case and nothing else (labels are never looked at). Likes
// are the words of the comments (without comments, what the watched videos have in common), each
// candidate is marked by how many of them it shows. The verdict is biased on purpose, in the two
// ways language models are known for: Yes comes too easily, and the first candidate that fits at
// all is often taken for the best. The agent has something left to learn.
//
//   judge   <think>likes cat bird jumping ; candidate cat yes jumping yes prank no is two </think>
//           <answer>Yes</answer>
//   select  <think>likes cat jumping ; A car no racing no song no is none ; B cat yes jumping yes
//           song no is two </think><answer>B</answer>
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/simulator/user_profile.h"

namespace mini_world {

struct TeacherConfig {
  std::filesystem::path cases;
  std::filesystem::path out;
  std::vector<double> judge_yes = {.45, .70, .75, .80};  ///< the bias: high even without a match
  double best = 0.45;
  std::int64_t seed = 11;
  vragent::simulator::PromptConfig prompt = {.max_history = 5};

  void visit(auto& v) {
    v("cases", cases, "cases.jsonl to demonstrate; - is stdin (required)");
    v("out", out, "the same cases with a response each; - is stdout (required)");
    v("judge-yes", judge_yes, "judge: probability of Yes at 0, 1, 2 and 3 matched words");
    v("best", best, "select: probability of a best candidate; else the first that fits at all");
    v("seed", seed, "of the noise; a case's noise depends on its id, not on its place");
    v("prompt", prompt, "");
  }

  /// @throws vragent::ConfigError
  void check() const;
};

/// What the user likes, as ascending indices into words_of() of subject, activity and genre.
struct ReadLikes {
  std::vector<int> subjects;
  std::vector<int> activities;
  std::vector<int> genres;

  bool operator==(const ReadLikes&) const = default;
};

/// Reads likes off the history that the prompt shows: the words that comments name, or, where the
/// prompt has none, the words that at least two videos show.
ReadLikes read_likes(const vragent::data::Case& shown,
                     const vragent::simulator::PromptConfig& prompt);

/// How many of a candidate's subject, activity and genre are liked, 0..3.
std::int64_t count_matches(const vragent::data::Candidate& candidate,
                           const ReadLikes& likes,
                           const vragent::simulator::PromptConfig& prompt);

/// The response to a case. @throws vragent::DataError when there are more candidates than letters
std::string demonstrate(const vragent::data::Case& shown, const TeacherConfig& config);

/// Reads the cases and writes them with their responses. @return how many
std::int64_t teach(const TeacherConfig& config);

}  // namespace mini_world
