// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/word_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/tiny_tokenizer.h"
#include "vragent/util/random.h"

namespace vragent::words {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> words_of(std::string_view text, WordPattern pattern) {
  std::vector<std::string_view> words;
  split_words(text, pattern, words);
  return {words.begin(), words.end()};
}

std::vector<std::string> qwen2(std::string_view text) {
  return words_of(text, WordPattern::kQwen2);
}

TEST(Qwen2Pattern, LetsOneSignLeadAWord) {
  EXPECT_THAT(qwen2("Hello world"), ElementsAre("Hello", " world"));
  EXPECT_THAT(qwen2("(word) \u3000x"), ElementsAre("(word", ")", " ", "\u3000x"));
  EXPECT_THAT(qwen2("\tgo #tag"), ElementsAre("\tgo", " #", "tag"));
}

TEST(Qwen2Pattern, KeepsDigitsApart) {
  EXPECT_THAT(qwen2("in 2024!"), ElementsAre("in", " ", "2", "0", "2", "4", "!"));
}

TEST(Qwen2Pattern, KnowsContractionsInAnyCase) {
  EXPECT_THAT(qwen2("it's"), ElementsAre("it", "'s"));
  EXPECT_THAT(qwen2("WE'LL they'Re"), ElementsAre("WE", "'LL", " they", "'Re"));
  EXPECT_THAT(qwen2("it'\u017F"), ElementsAre("it", "'\u017F"));  // the long s
  EXPECT_THAT(qwen2("o'clock"), ElementsAre("o", "'clock"));
}

TEST(Qwen2Pattern, EndsSpaceAfterItsLastLineFeed) {
  EXPECT_THAT(qwen2("a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
  EXPECT_THAT(qwen2("!\r\n\nb"), ElementsAre("!\r\n\n", "b"));
  EXPECT_THAT(qwen2("a   "), ElementsAre("a", "   "));
  EXPECT_THAT(qwen2("\nb"), ElementsAre("\n", "b"));
  EXPECT_THAT(qwen2("\u00a0\u00a0 b"), ElementsAre("\u00a0\u00a0", " b"));
}

TEST(Qwen2Pattern, LeavesMarksAndJoinersOutsideWords) {
  EXPECT_THAT(qwen2("e\u0301"), ElementsAre("e", "\u0301"));
  EXPECT_THAT(qwen2("\U0001F469\u200D\U0001F467 x"),
              ElementsAre("\U0001F469\u200D\U0001F467", " x"));
}

TEST(Llama3Pattern, KeepsUpToThreeDigitsTogether) {
  EXPECT_THAT(words_of("12345", WordPattern::kLlama3), ElementsAre("123", "45"));
}

TEST(Gpt2Pattern, TakesOneSpaceAlongAndKnowsSmallContractionsOnly) {
  const auto gpt2 = [](std::string_view text) { return words_of(text, WordPattern::kGpt2); };
  EXPECT_THAT(gpt2("Hello  world 42!!"), ElementsAre("Hello", " ", " world", " 42", "!!"));
  EXPECT_THAT(gpt2("it's IT'S"), ElementsAre("it", "'s", " IT", "'", "S"));
  EXPECT_THAT(gpt2("a\n\nb"), ElementsAre("a", "\n", "\n", "b"));
}

TEST(ClipPattern, DropsWhiteSpace) {
  EXPECT_THAT(words_of(" it's  2 cats!!\n", WordPattern::kClip),
              ElementsAre("it", "'s", "2", "cats", "!!"));
  EXPECT_THAT(words_of("<|endoftext|>a", WordPattern::kClip), ElementsAre("<|endoftext|>", "a"));
  EXPECT_THAT(words_of("  ", WordPattern::kClip), IsEmpty());
}

TEST(SplitWords, GivesTheWholeTextBackForPatternsWithoutGaps) {
  const std::vector<std::string> parts = {" ",
                                          "\n",
                                          "\r",
                                          "'",
                                          "s",
                                          "ll",
                                          "7",
                                          "\u3000",
                                          "\u00e9",
                                          "!",
                                          "\u0301",
                                          "\u6f22",
                                          "\t",
                                          "Re",
                                          "\U0001F602"};
  RandomStream random(7, "pre_tokenizer");
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::int64_t i = random.below(12); i >= 0; --i) text += random.pick(parts);
    for (const auto pattern : {WordPattern::kGpt2, WordPattern::kQwen2, WordPattern::kLlama3}) {
      std::string joined;
      for (const std::string& word : words_of(text, pattern)) {
        EXPECT_FALSE(word.empty());
        joined += word;
      }
      ASSERT_EQ(joined, text);
    }
  }
}

TEST(KnownPattern, RefusesAnyOtherExpression) {
  EXPECT_EQ(known_pattern(test::kQwen2Regex), WordPattern::kQwen2);
  EXPECT_EQ(known_pattern(R"(\p{L}+)"), std::nullopt);
  EXPECT_EQ(known_pattern(""), std::nullopt);
}

}  // namespace
}  // namespace vragent::words
