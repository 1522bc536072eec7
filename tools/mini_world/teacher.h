// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Demonstrations for the user agent's supervised start: what a mediocre annotator would write who
// reads the text of a case and nothing else (labels are never looked at). Likes are counted from
// the words of captions (else titles) and comments, candidates are marked by what matches, and the
// verdict is noisy and, on purpose, biased to Yes: the agent has something left to learn.
//
//   judge   <think>likes cat bird jumping song ; candidate cat yes jumping yes prank no is both
//           </think><answer>Yes</answer>
//   select  <think>likes cat jumping ; A car no racing no song no is none ; B cat yes jumping yes
//           song no is both </think><answer>B</answer>
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/cases.h"

namespace mini_world {

struct TeacherConfig {
  std::filesystem::path cases;
  std::filesystem::path out;
  std::vector<double> judge_yes = {.45, .70, .75, .80};  ///< the bias: high even without a match
  double best = 1.0;                                     ///< 1: a clean teacher of selection
  double match = 0.3;
  double wrong = 0.1;
  std::int64_t seed = 11;

  void visit(auto& v) {
    v("cases", cases, "cases.jsonl to demonstrate; - is stdin");
    v("out", out, "the same cases with a response each; - is stdout");
    v("judge-yes", judge_yes, "judge: probability of Yes at 0, 1, 2 and 3 matched words");
    v("best", best, "select: probability of a candidate with the best mark");
    v("match", match, "select: probability of any candidate with a mark, where not the best");
    v("wrong", wrong, "probability that a like is replaced by another word");
    v("seed", seed, "of the noise; a case's noise depends on its id, not on its place");
  }

  /// @throws vragent::ConfigError
  void check() const;
};

/// What the user likes, as indices into words_of() of subject, activity and genre.
struct ReadLikes {
  std::vector<int> subjects;    ///< at most two, best first
  std::vector<int> activities;  ///< at most two, best first
  std::vector<int> genres;      ///< at most one

  bool operator==(const ReadLikes&) const = default;
};

/// Reads likes off the history: +1 for each word in an item's text, +3 for each word in a comment;
/// words of 2 and more count.
ReadLikes read_likes(const vragent::data::Case& shown);

/// How a candidate fits: "both" (subject and activity), else "some" (any of the three), else
/// "none".
struct Mark {
  std::string text;
  std::int64_t num_matched = 0;  ///< slots that match, 0..3
  bool is_both = false;
};

Mark mark_of(const vragent::data::Candidate& candidate, const ReadLikes& likes);

/// The response to a case. @throws vragent::DataError when there are more candidates than letters
std::string demonstrate(const vragent::data::Case& shown, const TeacherConfig& config);

/// Reads the cases and writes them with their responses. @return how many
std::int64_t teach(const TeacherConfig& config);

}  // namespace mini_world
