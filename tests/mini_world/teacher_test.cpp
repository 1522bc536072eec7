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

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using vragent::data::Candidate;
using vragent::data::Case;
using vragent::data::Task;

constexpr const char* kCatJumping = "this prank shows a red cat jumping at the beach .";
constexpr const char* kCatSleeping = "this song shows a blue cat sleeping in the snow .";
constexpr const char* kBoatRacing = "this review shows a white boat racing at night .";

/// A user who watched a cat twice and liked jumping; candidates have these captions.
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
  return {.judge_yes = {0, 0, 1, 1}, .wrong = 0};
}

/// Share of 4,000 cases, alike but for their ids, whose answer is `answer`.
double share_of(const std::string& answer, Case shown, const TeacherConfig& config) {
  double count = 0;
  for (int i = 0; i < 4000; ++i) {
    shown.case_id = std::to_string(i);
    if (demonstrate(shown, config).ends_with("<answer>" + answer + "</answer>")) ++count;
  }
  return count / 4000;
}

TEST(ReadLikes, CountsOneForAWatchedWordAndThreeForALikedOne) {
  const ReadLikes likes = read_likes(cat_lover(Task::kJudge, {kCatJumping}));
  EXPECT_THAT(likes.subjects, ElementsAre(0)) << "the cat was watched twice";
  EXPECT_THAT(likes.activities, ElementsAre(0)) << "jumping was liked; sleeping was seen once";
  EXPECT_TRUE(likes.genres.empty());
}

TEST(ReadLikes, KeepsTheTwoBestSubjects) {
  Case shown = cat_lover(Task::kJudge, {kCatJumping});
  shown.history.push_back({.caption = kBoatRacing, .comment = "liked boat"});
  shown.history.push_back({.caption = kBoatRacing, .comment = "liked boat robot bird"});
  EXPECT_THAT(read_likes(shown).subjects, ElementsAre(4, 2)) << "boat 8, bird 3 before robot 3";
}

TEST(MarkOf, SaysBothForSubjectAndActivity) {
  const ReadLikes likes = {.subjects = {0}, .activities = {0}, .genres = {5}};
  EXPECT_EQ(mark_of({.caption = kCatJumping}, likes).text, "both");
  EXPECT_EQ(mark_of({.caption = kCatSleeping}, likes).text, "some");
  EXPECT_EQ(mark_of({.caption = kCatSleeping}, likes).num_matched, 2);
  EXPECT_EQ(mark_of({.caption = kBoatRacing}, likes).text, "none");
}

TEST(MarkOf, ReadsTheTitleWhereThereIsNoCaption) {
  const ReadLikes likes = {.subjects = {0}, .activities = {}, .genres = {}};
  EXPECT_EQ(mark_of({.title = "omg ten out of ten with a cat"}, likes).text, "some");
}

TEST(Demonstrate, JudgesInTheAgreedForm) {
  EXPECT_EQ(demonstrate(cat_lover(Task::kJudge, {kCatJumping}), clean()),
            "<think>likes cat jumping ; candidate cat yes jumping yes prank no is both </think>"
            "<answer>Yes</answer>");
  EXPECT_EQ(demonstrate(cat_lover(Task::kJudge, {kBoatRacing}), clean()),
            "<think>likes cat jumping ; candidate boat no racing no review no is none </think>"
            "<answer>No</answer>");
}

TEST(Demonstrate, SelectsTheBestMarkInTheAgreedForm) {
  const Case shown = cat_lover(Task::kSelect, {kBoatRacing, kCatJumping, kCatSleeping});
  EXPECT_EQ(
      demonstrate(shown, clean()),
      "<think>likes cat jumping ; A boat no racing no review no is none ; "
      "B cat yes jumping yes prank no is both ; C cat yes sleeping no song no is some </think>"
      "<answer>B</answer>");
}

TEST(Demonstrate, IsBiasedToYesAsTold) {
  const TeacherConfig config = {.wrong = 0};
  EXPECT_NEAR(share_of("Yes", cat_lover(Task::kJudge, {kBoatRacing}), config), .45, .03);
  EXPECT_NEAR(share_of("Yes", cat_lover(Task::kJudge, {kCatSleeping}), config), .70, .03);
  EXPECT_NEAR(share_of("Yes", cat_lover(Task::kJudge, {kCatJumping}), config), .75, .03);
}

TEST(Demonstrate, SelectsAMarkedOneOrAnyOneWhenNoisy) {
  const Case shown = cat_lover(Task::kSelect, {kBoatRacing, kCatJumping, kCatSleeping});
  const TeacherConfig config = {.best = .4, .match = .3, .wrong = 0};
  EXPECT_NEAR(share_of("B", shown, config), .4 + .15 + .1, .03);
  EXPECT_NEAR(share_of("C", shown, config), .15 + .1, .03);
  EXPECT_NEAR(share_of("A", shown, config), .1, .03);
}

TEST(Demonstrate, ReplacesALikeNowAndThen) {
  Case shown = cat_lover(Task::kJudge, {kCatJumping});
  double kept = 0;
  for (int i = 0; i < 4000; ++i) {
    shown.case_id = std::to_string(i);
    kept += demonstrate(shown, {.wrong = .1}).find("likes cat") != std::string::npos ? 1 : 0;
  }
  EXPECT_NEAR(kept / 4000, .9, .02);
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
  EXPECT_THAT(demos[0].response, EndsWith("<answer>Yes</answer>"));
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
