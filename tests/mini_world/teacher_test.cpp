// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/teacher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace mini_world {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using vragent::data::Candidate;
using vragent::data::Case;
using vragent::data::Task;
using vragent::simulator::PromptConfig;

constexpr const char* kCatJumping = "this prank shows a red cat jumping at the beach .";
constexpr const char* kCatSleeping = "this song shows a blue cat sleeping in the snow .";
constexpr const char* kBoatRacing = "this review shows a white boat racing at night .";

/// A user who watched a cat twice and wrote of jumping; candidates have these captions.
Case cat_lover(Task task, const std::vector<std::string>& candidates) {
  Case shown;
  shown.case_id = "c1";
  shown.task = task;
  shown.history = {{.item_id = "1", .caption = kCatJumping, .comment = "liked jumping"},
                   {.item_id = "2", .caption = kCatSleeping, .comment = "just passing by"}};
  for (const std::string& caption : candidates) shown.candidates.push_back({.caption = caption});
  return shown;
}

TeacherConfig clean() {
  return {.judge_yes = {0, 0, 1, 1}, .best = 1};
}

const PromptConfig kSeesAll;
const PromptConfig kSeesNoComments = {.comments = false};

/// Share of 4,000 cases, alike but for their ids, whose answer is `answer`.
double share_of(const std::string& answer, Case shown, const TeacherConfig& config) {
  double count = 0;
  for (int i = 0; i < 4000; ++i) {
    shown.case_id = std::to_string(i);
    if (demonstrate(shown, config).ends_with("<answer>" + answer + "</answer>")) ++count;
  }
  return count / 4000;
}

TEST(ReadLikes, TakesTheWordsOfTheComments) {
  Case shown = cat_lover(Task::kJudge, {kCatJumping});
  shown.history.push_back({.caption = kBoatRacing, .comment = "liked robot bird"});
  EXPECT_EQ(read_likes(shown, kSeesAll),
            (ReadLikes{.subjects = {2, 5}, .activities = {0}, .genres = {}}))
      << "bird and robot in the order of the vocabulary, jumping; watched words do not count";
}

TEST(ReadLikes, TakesWhatTwoVideosShareWhereThePromptHasNoComments) {
  EXPECT_EQ(read_likes(cat_lover(Task::kJudge, {kCatJumping}), kSeesNoComments),
            (ReadLikes{.subjects = {0}, .activities = {}, .genres = {}}));
}

TEST(ReadLikes, LooksNoFurtherBackThanThePrompt) {
  EXPECT_EQ(read_likes(cat_lover(Task::kJudge, {kCatJumping}), {.max_history = 1}), ReadLikes());
}

TEST(CountMatches, CountsSubjectActivityAndGenre) {
  const ReadLikes likes = {.subjects = {0}, .activities = {0}, .genres = {5}};
  EXPECT_EQ(count_matches({.caption = kCatJumping}, likes, kSeesAll), 2);
  EXPECT_EQ(count_matches({.caption = kCatSleeping}, likes, kSeesAll), 2);
  EXPECT_EQ(count_matches({.caption = kBoatRacing}, likes, kSeesAll), 0);
}

TEST(CountMatches, ReadsTheTitleWhereThePromptShowsIt) {
  const ReadLikes likes = {.subjects = {0}, .activities = {}, .genres = {}};
  const Candidate candidate = {.title = "omg ten out of ten with a cat", .caption = kBoatRacing};
  EXPECT_EQ(count_matches(candidate, likes, kSeesAll), 0);
  EXPECT_EQ(count_matches(candidate, likes, {.item_text = "title"}), 1);
  EXPECT_EQ(count_matches({.title = candidate.title}, likes, kSeesAll), 1) << "no caption";
}

TEST(Demonstrate, JudgesInTheAgreedForm) {
  EXPECT_EQ(demonstrate(cat_lover(Task::kJudge, {kCatJumping}), clean()),
            "<think>likes jumping ; candidate cat no jumping yes prank no is one </think>"
            "<answer>No</answer>");
  TeacherConfig config = clean();
  config.prompt = kSeesNoComments;
  EXPECT_EQ(demonstrate(cat_lover(Task::kJudge, {kBoatRacing}), config),
            "<think>likes cat ; candidate boat no racing no review no is none </think>"
            "<answer>No</answer>");
}

TEST(Demonstrate, SelectsTheBestMarkInTheAgreedForm) {
  Case shown = cat_lover(Task::kSelect, {kBoatRacing, kCatSleeping, kCatJumping});
  shown.history[1].comment = "liked cat";
  EXPECT_EQ(demonstrate(shown, clean()),
            "<think>likes cat jumping ; A boat no racing no review no is none ; "
            "B cat yes sleeping no song no is one ; C cat yes jumping yes prank no is two </think>"
            "<answer>C</answer>");
}

TEST(Demonstrate, IsBiasedToYesAsTold) {
  const auto yes = [](const std::string& comment) {
    Case shown = cat_lover(Task::kJudge, {kCatJumping});
    shown.history[0].comment = comment;
    return share_of("Yes", shown, {});
  };
  EXPECT_NEAR(yes("just passing by"), .45, .03);
  EXPECT_NEAR(yes("liked cat"), .70, .03);
  EXPECT_NEAR(yes("liked cat jumping"), .75, .03);
  EXPECT_NEAR(yes("liked cat jumping prank"), .80, .03);
}

TEST(Demonstrate, TakesTheFirstThatFitsAtAllWhenHasty) {
  Case shown = cat_lover(Task::kSelect, {kBoatRacing, kCatSleeping, kCatJumping});
  shown.history[1].comment = "liked cat";
  const TeacherConfig config = {.best = .4};
  EXPECT_NEAR(share_of("C", shown, config), .4, .03);
  EXPECT_NEAR(share_of("B", shown, config), .6, .03);
  shown.history[0].comment = shown.history[1].comment = "just passing by";
  EXPECT_NEAR(share_of("A", shown, config), 1.0 / 3, .03) << "none fits: any one";
}

TEST(Demonstrate, NeverLooksAtTheLabel) {
  Case shown = cat_lover(Task::kJudge, {kCatJumping});
  const std::string without = demonstrate(shown, {});
  shown.label = 0;
  EXPECT_EQ(demonstrate(shown, {}), without);
  shown.label = 1;
  EXPECT_EQ(demonstrate(shown, {}), without);
}

TEST(Demonstrate, SaysNoneWhereNothingIsKnown) {
  Case shown;
  shown.task = Task::kSelect;
  shown.candidates = {{.title = "?"}, {.title = "!"}};
  EXPECT_THAT(demonstrate(shown, clean()),
              HasSubstr("<think>likes none ; A is none ; B is none </think>"));
}

TEST(Demonstrate, RefusesMoreCandidatesThanLetters) {
  EXPECT_THROW(demonstrate(cat_lover(Task::kSelect, std::vector<std::string>(27, "x")), clean()),
               vragent::DataError);
}

TEST(Teach, WritesTheSameCasesWithResponses) {
  const vragent::test::TempDir folder;
  Case shown = cat_lover(Task::kJudge, {kCatJumping});
  shown.user_id = "7";
  shown.candidates[0].item_id = "9";
  shown.label = 1;
  vragent::write_file(folder / "cases.jsonl", to_line(shown) + "\n");
  TeacherConfig config = clean();
  config.cases = folder / "cases.jsonl";
  config.out = folder / "demos.jsonl";
  EXPECT_EQ(teach(config), 1);
  const auto demos = vragent::data::load_cases(config.out);
  ASSERT_EQ(demos.size(), 1U);
  EXPECT_THAT(demos[0].response, EndsWith("<answer>No</answer>"));
  EXPECT_EQ(demos[0].label, 1);
  EXPECT_EQ(vragent::data::hash_cases(demos), vragent::data::hash_cases({shown}));
}

TEST(TeacherConfig, RefusesWrongProbabilities) {
  TeacherConfig config = {.cases = "a", .out = "b"};
  config.check();
  config.judge_yes = {.5};
  EXPECT_THROW(config.check(), vragent::ConfigError);
  config.judge_yes = {.5, .5, .5, 1.5};
  EXPECT_THROW(config.check(), vragent::ConfigError);
  EXPECT_THROW((TeacherConfig{.out = "b"}.check()), vragent::ConfigError);
}

}  // namespace
}  // namespace mini_world
