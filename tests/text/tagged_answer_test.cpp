// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/text/tagged_answer.h"

#include <gtest/gtest.h>

namespace vragent::text {
namespace {

TEST(TaggedAnswer, ReadsThoughtAndAnswer) {
  const auto read = parse_tagged_answer("<think> likes cats </think>\n<answer> Yes </answer>\n");
  EXPECT_TRUE(read.well_formed);
  EXPECT_EQ(read.thought, "likes cats");
  EXPECT_EQ(read.answer, "Yes");
}

TEST(TaggedAnswer, CountsThePrefillAsWritten) {
  const std::string completion = "likes cats</think><answer>B</answer>";
  EXPECT_FALSE(parse_tagged_answer(completion).well_formed);
  EXPECT_TRUE(parse_tagged_answer(completion, "<think>").well_formed);
  const auto twice = parse_tagged_answer("<think>" + completion, "<think>");
  EXPECT_FALSE(twice.well_formed);
  EXPECT_EQ(twice.think.count, 2);
  EXPECT_EQ(twice.answer, "B");
}

TEST(TaggedAnswer, IsMalformedForAnyTextOutside) {
  EXPECT_FALSE(parse_tagged_answer("So: <think>a</think><answer>b</answer>").well_formed);
  EXPECT_FALSE(parse_tagged_answer("<think>a</think> so <answer>b</answer>").well_formed);
  EXPECT_FALSE(parse_tagged_answer("<think>a</think><answer>b</answer>.").well_formed);
}

TEST(TaggedAnswer, IsMalformedInAnyOtherOrder) {
  EXPECT_FALSE(parse_tagged_answer("<answer>b</answer><think>a</think>").well_formed);
  EXPECT_FALSE(parse_tagged_answer("</think>a<think><answer>b</answer>").well_formed);
  EXPECT_FALSE(parse_tagged_answer("<think><answer>b</answer></think>").well_formed);
  EXPECT_FALSE(parse_tagged_answer("<think>a</think></answer>b<answer>").well_formed);
}

TEST(TaggedAnswer, HasNoAnswerWithoutAClosedPair) {
  for (const char* text : {"", "Yes", "<answer>Yes", "Yes</answer>", "</answer>Yes<answer>"}) {
    const auto read = parse_tagged_answer(text);
    EXPECT_EQ(read.answer, std::nullopt) << text;
    EXPECT_FALSE(read.well_formed) << text;
  }
}

TEST(TaggedAnswer, KeepsAnEmptyAnswerApartFromNone) {
  const auto read = parse_tagged_answer("<think></think><answer>  </answer>");
  EXPECT_EQ(read.answer, "");
  EXPECT_TRUE(read.well_formed);
}

TEST(TaggedAnswer, OffersTheFirstAndTheLastOfSeveralAnswers) {
  const auto read = parse_tagged_answer("<answer>A</answer> no, <answer>B</answer><answer>C");
  EXPECT_EQ(read.answer, "B");
  EXPECT_EQ(read.answer_open.count, 3);
  EXPECT_EQ(read.answer_end.count, 2);
}

TEST(TaggedAnswer, PairsAnOpeningTagWithTheNextClosingOne) {
  EXPECT_EQ(parse_tagged_answer("<answer>A<answer>B</answer>").answer, "A<answer>B");
}

TEST(TaggedAnswer, SaysWhereEachTagBegins) {
  const auto read = parse_tagged_answer("a</think><answer>", "<think>");
  EXPECT_EQ(read.text, "<think>a</think><answer>");
  EXPECT_EQ(read.think.first, 0U);
  EXPECT_EQ(read.think_end.first, 8U);
  EXPECT_EQ(read.answer_open.first, 16U);
  EXPECT_EQ(read.answer_end.first, std::nullopt);
  EXPECT_EQ(read.answer_end.count, 0);
}

TEST(TaggedAnswer, KnowsTagsInThisSpellingOnly) {
  EXPECT_EQ(parse_tagged_answer("<Answer>x</Answer>").answer, std::nullopt);
  EXPECT_EQ(parse_tagged_answer("< answer >x</ answer >").answer, std::nullopt);
}

}  // namespace
}  // namespace vragent::text
