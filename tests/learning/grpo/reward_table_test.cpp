// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What each of many answers earns, by the paper's rewards and by the released scorers. The second
// column is the release's own known-answer table where it has the answer (marked *), else what its
// patterns give in Python; the first follows from Eq. 1 and 2: 1 for the form, then +-1, or 2 for
// the right video.
#include <gtest/gtest.h>

#include "vragent/learning/grpo/reward.h"

namespace vragent::learning {
namespace {

/// Candidates: A, B, C, D. @param answer position of the right one
data::Case selection(std::int64_t answer) {
  return {.case_id = "s",
          .user_id = "u",
          .task = data::Task::kSelect,
          .history = {{"1", "Snow fun", "", ""}},
          .candidates = {{"3", "Alpha cat video", ""},
                         {"4", "Beta dog clip", ""},
                         {"5", "Gamma cooking show", ""},
                         {"6", "Delta v1.2 game. part two", ""}},
          .answer_index = answer};
}

data::Case judgment(std::int64_t label) {
  return {.case_id = "j",
          .user_id = "u",
          .task = data::Task::kJudge,
          .history = {{"1", "Snow fun", "", ""}},
          .candidates = {{"3", "Beta dog clip", ""}},
          .label = label};
}

struct Row {
  std::int64_t truth;  ///< position of the right candidate, or the label
  std::string reply;
  double paper;
  double official;
};

std::string in_tags(const std::string& answer) {
  return "<think>ok</think><answer>" + answer + "</answer>";
}

std::string chosen(const std::string& title) {
  return "(1) User_preference: likes dogs\n(2) Next_video: " + title;
}

std::string predicted(const std::string& word, const std::string& preference = "likes dogs") {
  return "(1) User_preference: " + preference + "\n(2) Prediction: " + word;
}

void expect_totals(data::Case (*make)(std::int64_t), const std::vector<Row>& rows) {
  const RewardConfig official{.scorer = "official"};
  for (const Row& row : rows) {
    const data::Case asked = make(row.truth);
    EXPECT_DOUBLE_EQ(score_reply(asked, {}, row.reply, "stop", {}).total(), row.paper) << row.reply;
    EXPECT_NEAR(score_reply(asked, {}, row.reply, "stop", official).total(), row.official, 1e-12)
        << row.reply << " (released scorer, truth " << row.truth << ")";
  }
}

TEST(RewardTable, OfSelections) {
  const std::string right = chosen("Beta dog clip");
  expect_totals(
      selection,
      {{1, in_tags(right), 3, 3},                                                             // *
       {1, in_tags(chosen("Alpha cat video")), 1, -0.5},                                      // *
       {1, in_tags(chosen("zzz qqq")), 1, -1},                                                // *
       {1, "<think>ok</think>Beta dog clip", 2, 0},                                           // *
       {1, "<think>ok</think><answer>" + right, 2, 0},                                        // *
       {1, in_tags(""), 0, -0.87},                                                            // *
       {1, in_tags("Beta dog clip"), 3, -0.87},                                               // *
       {1, in_tags("Next_video: Beta dog clip"), 3, 2.9},                                     // *
       {1, "<think>" + in_tags(right), 2, 2.25},                                              // *
       {1, "<think>ok<answer>" + right + "</answer>", 2, 2.125},                              // *
       {1, in_tags(chosen("Alpha cat video")) + "<answer>" + right + "</answer>", 0, 2.125},  // *
       {1, "<think>ok<answer>" + right + "</answer></think>", 2, 2.25},                       // *
       {1, in_tags(chosen("b")), 3, 3},                                                       // *
       {1, in_tags(chosen("2")), 1, -0.5},                                                    // *
       {1, in_tags(chosen("Alpha cat video, Beta dog clip, Gamma cooking show")), 1, -0.5},   // *
       {1, "<think>The Assistant: says</think><answer>" + right + "</answer>", 3, 2.25},      // *
       {1, in_tags(chosen("\"Beta dog clip\"")), 3, 3},                                       // *
       {1, in_tags(chosen("Beta dog clip.")), 3, 3},                                          // *
       {1, in_tags(right) + " and more", 2, 3},                                               // *
       {1, in_tags("(1) User_preference: likes dogs\n(2) Beta dog clip"), 3, -0.8},           // *
       {0, in_tags("(1) User_preference: likes cats\n(2) Alpha cat video"), 3, 2.7},          // *
       {1, "<answer>Next_video: Beta dog clip</answer>", 2, 2.1125},                          // *
       {3, in_tags(chosen("Delta v1.2 game. part two")), 3, 3},
       {1, in_tags(chosen("Delta v1.2 game. part two")), 1, -0.5},
       {1, in_tags(chosen("BETA DOG CLIP")), 3, 3},
       {1, in_tags("(1) User_preference: likes dogs\n(2) Next_video Beta dog clip"), 3, 2.7},
       {1, in_tags(chosen("dog clip")), 3, 3},
       {1, in_tags(chosen("clip dog beta")), 3, 3},
       {1, in_tags(chosen("e")), 1, -0.5},
       {1, in_tags(chosen(";")), 1, -1},
       {1, in_tags("\uFF081\uFF09 dogs\n\uFF082\uFF09 Next_video: Beta dog clip"), 3, 3},
       {1, "<think></think><answer>" + right + "</answer>", 2, 3},
       {1, "", 0, 0},
       {1, "<think>ok", 0, 0},
       {1, in_tags("I cannot tell"), 1, -0.87},
       {1, in_tags("B"), 3, -0.87},
       {1, in_tags("A"), 1, -0.87},
       {0, in_tags("A"), 3, 2.63},
       {1, in_tags(chosen("'Gamma cooking show'")), 1, -0.5},
       {2, in_tags(chosen("Gamma cooking show; the best")), 3, 3},
       {1, in_tags("(2) Next_video: Beta dog clip"), 3, 3},
       {1, in_tags("(1) dogs\nNext_video: Beta dog clip"), 3, 3},
       {0, in_tags(chosen("")), 1, -1},
       {0, in_tags(chosen("\"\"")), 1, 3},
       {3, in_tags(chosen("...delta v1")), 3, 3},
       {1, in_tags(chosen("dog, clip (beta)")), 3, 3},
       {1, in_tags(chosen("dog\uFF0Cclip\uFF08beta\uFF09")), 3, 3},
       {1, in_tags(chosen("\u3000\nBeta dog clip\u3000")), 1, 3},
       {1, in_tags("(2) \u63A8\u8350\u89C6\u9891: Beta dog clip"), 3, -0.5},
       {0, in_tags("\uFF082\uFF09 \u4E0B\u4E00\u4E2A\u89C6\u9891: A"), 1, 3},
       {1, "<think>a</answer></think><answer>" + right + "</answer>", 2, 2.07875},
       {1, "</answer>" + in_tags(right), 2, 2.07875}});
}

TEST(RewardTable, OfTitlesThatAPhraseAnnounces) {
  expect_totals(selection,
                {{1, in_tags("He would like Beta dog clip"), 3, 2.63},
                 {1, in_tags("(2) I recommend watching Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) My suggestion: Beta dog clip (again)"), 3, 2.7},
                 {1, in_tags("(2) They might enjoy \"Beta dog clip\"."), 3, 2.7},
                 {1, in_tags("(2) The next content: Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) Recommended next video: Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) They should watch Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) The ideal next video would be Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) I predict the user will watch Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) They should watch C; I recommend Beta dog clip"), 3, 2.7},
                 {1, in_tags("(2) They would like (none), would enjoy Beta dog clip"), 3, 2.7},
                 {3, in_tags("(2) They should watch delta v1.2 game"), 3, 2.7},
                 {1, "<think>They would like Beta dog clip</think><answer></answer>", 0, 2.63},
                 {0, "<think>ok</think><answer></answer> Next_video: ", 0, 2.63},
                 {1, "<think>ok</think><answer></answer> Next_video:", 0, -1.37}});
}

TEST(RewardTable, OfJudgments) {
  const std::string yes = predicted("Yes");
  expect_totals(judgment,
                {{1, in_tags(yes), 2, 3},   // *
                 {0, in_tags(yes), 0, -1},  // *
                 {1, in_tags(predicted("No")), 0, -1},
                 {0, in_tags(predicted("No")), 2, 3},
                 {1, in_tags(predicted("maybe")), 0, -1},                   // *
                 {0, in_tags(predicted("maybe")), 0, -1},                   // *
                 {1, in_tags("x"), 0, -1.3},                                // *
                 {0, in_tags("x"), 0, -1.3},                                // *
                 {1, in_tags(predicted("unknown")), 0, -1},                 // *
                 {0, in_tags(predicted("unknown")), 0, 3},                  // *
                 {1, "<think>ok</think>Yes", 1, 0},                         // *
                 {1, "<think>ok<answer>" + yes + "</answer>", 1, 2.125},    // *
                 {0, "<think>ok<answer>" + yes + "</answer>", -1, -1.875},  // *
                 {1, in_tags(predicted("Yes/No")), 0, 3},                   // *
                 {0, in_tags(predicted("Yes/No")), 0, -1},                  // *
                 {0, in_tags(predicted("No", "enjoys dogs")), 2, -1},
                 {1, in_tags(predicted("No", "enjoys dogs")), 0, 3},
                 {1, in_tags(predicted("No", "has eyes for dogs")), 0, 3},
                 {1, in_tags(predicted("Yes", "knows dogs")), 2, 3},
                 {1, in_tags("Yes"), 2, 3},
                 {0, in_tags("No"), 2, 3},
                 {1, in_tags("user_like: 1"), 0, 3},
                 {1, in_tags("user_like: 0"), 0, -1},
                 {1, in_tags("user_like: 2"), 0, -1},
                 {1, in_tags("User_like 1"), 0, 3},
                 {0, in_tags("user_like: yes; user_like:\n00"), 0, 3},
                 {1, in_tags("user_like: \uFF11"), 0, 3},
                 {1, in_tags("user_like: 11, yes"), 2, -1},
                 {1, in_tags("No") + "<answer>Yes</answer>", -1, 2.125},
                 {0, in_tags("He would dislike it"), 0, 3},
                 {1, "", -1, 0},
                 {1, in_tags(yes) + " and more", 1, 3}});
}

}  // namespace
}  // namespace vragent::learning
