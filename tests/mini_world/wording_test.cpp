// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/wording.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/perception/caption_prompts.h"

namespace mini_world {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using vragent::RandomStream;

/// A red cat jumping at the beach in a prank.
Attributes red_cat() {
  Attributes attributes;
  attributes[Slot::kGenre] = 1;
  return attributes;
}

Attributes blue_boat_in_the_snow() {
  return {{4, 3, 3, 4, 0}};
}

std::int64_t num_words(const std::string& text) {
  std::istringstream words(text);
  std::int64_t count = 0;
  for (std::string word; words >> word;) ++count;
  return count;
}

/// Share of titles for which `is_so` holds.
template <class Predicate>
double share_of_titles(const Predicate& is_so) {
  RandomStream random(3);
  double count = 0;
  for (int i = 0; i < 4000; ++i) count += is_so(draw_title(red_cat(), random)) ? 1 : 0;
  return count / 4000;
}

TEST(Caption, HasOneForm) {
  EXPECT_EQ(caption_of(red_cat()), "this prank shows a red cat jumping at the beach .");
  EXPECT_EQ(frames_caption_of(red_cat()), "this video shows a red cat jumping at the beach .");
}

TEST(Title, RevealsItsPartsAsOftenAsItShould) {
  EXPECT_NEAR(share_of_titles([](const auto& t) { return !words_in(t, Slot::kSubject).empty(); }),
              .55,
              .03);
  EXPECT_NEAR(share_of_titles([](const auto& t) { return !words_in(t, Slot::kActivity).empty(); }),
              .30,
              .03);
  EXPECT_NEAR(share_of_titles([](const auto& t) { return !words_in(t, Slot::kSetting).empty(); }),
              .80,
              .03);
  EXPECT_NEAR(share_of_titles([](const auto& t) { return !words_in(t, Slot::kColour).empty(); }),
              .55 * .12,
              .02);
}

TEST(Title, NamesAWrongSubjectNowAndThen) {
  const double wrong = share_of_titles([](const std::string& title) {
    const auto named = words_in(title, Slot::kSubject);
    return !named.empty() && named.front() != 0;
  });
  EXPECT_NEAR(wrong, .55 * .08 * 7 / 8, .012);
}

TEST(Title, TellsTheGenreByItsIdiomOnly) {
  EXPECT_EQ(share_of_titles([](const auto& t) { return !words_in(t, Slot::kGenre).empty(); }), 0);
  EXPECT_EQ(share_of_titles([](const std::string& title) {
              return title.find("went so wrong") != std::string::npos ||
                     title.find("nobody expected") != std::string::npos ||
                     title.find("fooled everyone") != std::string::npos;
            }),
            1);
}

TEST(TitleCaption, SaysNoMoreThanTheTitle) {
  EXPECT_EQ(title_caption_of("nobody expected this", red_cat()), "this prank shows something .");
  EXPECT_EQ(title_caption_of("nobody expected this with the red robot in the kitchen", red_cat()),
            "this prank shows a red robot in the kitchen .");
}

TEST(Perception, NamesTheScenesInTheOrderOfTheirFrames) {
  RandomStream random(5);
  PerceptionFacts facts = {.own = red_cat(), .b_roll = blue_boat_in_the_snow()};
  const std::string own_first = draw_perception(facts, random);
  facts.is_b_roll_first = true;
  const std::string other_first = draw_perception(facts, random);
  EXPECT_LT(own_first.find("red cat"), own_first.find("blue boat"));
  EXPECT_GT(other_first.find("red cat"), other_first.find("blue boat"));
  EXPECT_THAT(own_first, HasSubstr("another scene has a blue boat sleeping in the snow ."));
}

TEST(Perception, DoesNotKnowTheGenreWithoutATitle) {
  RandomStream random(5);
  const std::string text = draw_perception({.own = red_cat(), .has_title = false}, random);
  EXPECT_THAT(text, HasSubstr("this video shows a red cat"));
  EXPECT_THAT(words_in(text, Slot::kGenre), IsEmpty());
}

TEST(Perception, HasFortyToSixtyWords) {
  RandomStream random(5);
  for (int i = 0; i < 500; ++i) {
    PerceptionFacts facts = {.own = red_cat()};
    if (i % 2 == 0) facts.b_roll = blue_boat_in_the_snow();
    EXPECT_THAT(num_words(draw_perception(facts, random)), AllOf(Ge(40), Le(62)));
  }
}

TEST(Fillers, HoldNoAttribute) {
  EXPECT_EQ(filler_sentences().size(), 12U);
  for (const std::string& sentence : filler_sentences()) {
    for (const Slot slot : kSlots) EXPECT_THAT(words_in(sentence, slot), IsEmpty()) << sentence;
  }
}

TEST(Comment, NamesUpToTwoLikedAttributesThatTheItemHas) {
  const Tastes tastes = {.subjects = {0, 5}, .activities = {0, 5}, .genre = 1, .colour = 0};
  RandomStream random(5);
  double passing = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string comment = draw_comment(tastes, red_cat(), random);
    if (comment == "just passing by") {
      ++passing;
      continue;
    }
    EXPECT_THAT(num_words(comment), AllOf(Ge(2), Le(3))) << comment;
    EXPECT_THAT(words_in(comment, Slot::kColour), IsEmpty());
    EXPECT_THAT(words_in(comment, Slot::kSubject), AnyOf(IsEmpty(), ElementsAre(0)));
  }
  EXPECT_NEAR(passing / 2000, .12, .03);
}

TEST(Comment, PassesByWhereNothingIsLiked) {
  const Tastes tastes = {.subjects = {1, 2}, .activities = {1, 2}, .genre = 2, .colour = 0};
  RandomStream random(5);
  EXPECT_EQ(draw_comment(tastes, red_cat(), random), "just passing by");
}

TEST(WordsIn, FindsWholeWordsInAnyCaseInTheirOrder) {
  EXPECT_THAT(words_in("A Robot and a CAT, no catfish", Slot::kSubject), ElementsAre(5, 0));
  EXPECT_THAT(words_in("carpets and boats", Slot::kSubject), IsEmpty());
  EXPECT_THAT(words_in("", Slot::kSubject), IsEmpty());
}

TEST(CaptionPrompts, StayShort) {
  namespace prompts = vragent::perception;
  EXPECT_LE(num_words(prompts::perceive_prompt("x")), 45);
  EXPECT_LE(num_words(prompts::perceive_frames_prompt()), 45);
  EXPECT_LE(num_words(prompts::perceive_title_prompt("x")), 45);
  EXPECT_LE(num_words(prompts::rewrite_prompt(35)), 45);
}

TEST(CaptionPrompts, CarryTheTitleAndTheLimit) {
  namespace prompts = vragent::perception;
  EXPECT_THAT(prompts::perceive_prompt("a \"b\" <|im_end|>"), HasSubstr("a \"b\" <|im_end|>"));
  EXPECT_THAT(prompts::perceive_title_prompt("song"), HasSubstr("\"song\""));
  EXPECT_THAT(prompts::rewrite_prompt(17), HasSubstr("at most 17 words"));
}

}  // namespace
}  // namespace mini_world
