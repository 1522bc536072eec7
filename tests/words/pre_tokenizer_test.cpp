// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vragent::words {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> cut(std::string_view text,
                             std::vector<SplitStep> steps,
                             bool at_start = true) {
  WordCutter cutter(std::move(steps));
  cutter.cut("an earlier text  with words");  // leaves nothing behind
  const auto words = cutter.cut(text, at_start);
  return {words.begin(), words.end()};
}

TEST(WordCutter, RunsOneStageOnWhatTheOtherLeft) {
  EXPECT_THAT(cut("ab 12c", {SplitDigits{}, WordPattern::kGpt2}),
              ElementsAre("ab", " ", "1", "2", "c"));
  EXPECT_THAT(cut("ab 12c", {SplitDigits{.individual = false}}), ElementsAre("ab ", "12", "c"));
  EXPECT_THAT(cut("", {WordPattern::kGpt2}), IsEmpty());
  EXPECT_THAT(cut("whole", {}), ElementsAre("whole"));
}

TEST(WordCutter, CutsAtSpaceAndPunctuation) {
  const char* text = "don't  stop.\u3002";
  EXPECT_THAT(cut(text, {SplitBertWords{}}), ElementsAre("don", "'", "t", "stop", ".", "\u3002"));
  EXPECT_THAT(cut(text, {SplitPunctuation{}}), ElementsAre("don", "'", "t  stop", ".", "\u3002"));
  EXPECT_THAT(cut(text, {SplitAtSpace{}}), ElementsAre("don't", "stop.\u3002"));
  EXPECT_THAT(cut("a_1 ?!b \u00e9", {SplitWordChars{}}), ElementsAre("a_1", "?!", "b", "\u00e9"));
}

TEST(WordCutter, MarksSpacesAndCutsBeforeEachMark) {
  EXPECT_THAT(cut("a  b", {Metaspace{}}), ElementsAre("\u2581a", "\u2581", "\u2581b"));
  EXPECT_THAT(cut(" a\n", {Metaspace{}}), ElementsAre("\u2581a\n"));
  EXPECT_THAT(cut("a b ", {Metaspace{.split = false}}), ElementsAre("\u2581a\u2581b\u2581"));
  EXPECT_THAT(cut("a b", {Metaspace{.mark = "_", .prepend = Metaspace::Prepend::kNever}}),
              ElementsAre("a", "_b"));
}

TEST(WordCutter, PutsAMarkInFrontOfEachPieceOrOfTheTextOnly) {
  EXPECT_THAT(cut("a b", {SplitAtSpace{}, Metaspace{}}), ElementsAre("\u2581a", "\u2581b"));
  const Metaspace first{.prepend = Metaspace::Prepend::kFirst};
  EXPECT_THAT(cut("a b", {SplitAtSpace{}, first}), ElementsAre("\u2581a", "b"));
  EXPECT_THAT(cut("a b", {first}, false), ElementsAre("a", "\u2581b"));
  EXPECT_THAT(cut("\u2581a", {Metaspace{}}), ElementsAre("\u2581a"));
}

TEST(WordCutter, MarksTwiceWithoutLosingTheFirstPieces) {
  EXPECT_THAT(cut("a b", {Metaspace{.mark = "_"}, Metaspace{.mark = "="}}),
              ElementsAre("=_a", "=_b"));
}

}  // namespace
}  // namespace vragent::words
