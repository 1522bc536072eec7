// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/unicode.h"

#include <gtest/gtest.h>

namespace vragent::words {
namespace {

const std::string kBad = "\uFFFD";

TEST(ReadUtf8, GivesEachCharacterWithItsSize) {
  const std::string text = "a\u00e9\u6f22\U0001F602";
  std::vector<char32_t> codes;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char next = read_utf8(text, i);
    EXPECT_TRUE(next.valid);
    codes.push_back(next.code);
    i += next.size;
  }
  EXPECT_EQ(codes, (std::vector<char32_t>{U'a', 0xE9, 0x6F22, 0x1F602}));
}

TEST(ReadUtf8, TellsACutOffCharacterFromAWrongOne) {
  EXPECT_TRUE(read_utf8("\xF0\x9F\x98", 0).cut_off);
  EXPECT_FALSE(read_utf8("\xF0\x9F\x98z", 0).cut_off);
  EXPECT_EQ(read_utf8("\xF0\x9F\x98z", 0).size, 3U);
}

TEST(RepairedUtf8, KeepsValidText) {
  const std::string text = "Caf\u00e9 \u6f22 \U0010FFFF";
  EXPECT_EQ(repaired_utf8(text), text);
}

TEST(RepairedUtf8, ReplacesEachLongestBrokenPartOnce) {
  EXPECT_EQ(repaired_utf8("a\xFFz"), "a" + kBad + "z");
  EXPECT_EQ(repaired_utf8("\xE2\x82z"), kBad + "z");             // one sequence that stops
  EXPECT_EQ(repaired_utf8("\xC0\xAF"), kBad + kBad);             // overlong
  EXPECT_EQ(repaired_utf8("\xED\xA0\x80"), kBad + kBad + kBad);  // a surrogate
  EXPECT_EQ(repaired_utf8("\xF4\x90\x80\x80"), kBad + kBad + kBad + kBad);  // above U+10FFFF
  EXPECT_EQ(repaired_utf8("\xF0\x9F\x98"), kBad);
}

TEST(IncompleteTail, CountsBytesThatWaitForMore) {
  EXPECT_EQ(incomplete_tail("abc"), 0U);
  EXPECT_EQ(incomplete_tail(""), 0U);
  EXPECT_EQ(incomplete_tail("a\xC3"), 1U);
  EXPECT_EQ(incomplete_tail("\xF0\x9F\x98"), 3U);
  EXPECT_EQ(incomplete_tail("\xF0\x9F\x98\x82"), 0U);
  EXPECT_EQ(incomplete_tail("\x80\x80\x80"), 0U);  // can never become a character
}

TEST(AppendUtf8, WritesOneToFourBytes) {
  std::string text;
  for (const char32_t code : {U'a', U'\u00e9', U'\u6f22', U'\U0001F602'}) append_utf8(text, code);
  EXPECT_EQ(text, "a\u00e9\u6f22\U0001F602");
}

TEST(CharClass, FollowsUnicode) {
  EXPECT_EQ(char_class(U'q'), CharClass::kLetter);
  EXPECT_EQ(char_class(0x6F22), CharClass::kLetter);
  EXPECT_EQ(char_class(0x2EBF0), CharClass::kLetter);  // Unicode 15.1
  EXPECT_EQ(char_class(U'7'), CharClass::kNumber);
  EXPECT_EQ(char_class(0x00BD), CharClass::kNumber);  // one half
  EXPECT_EQ(char_class(0x3000), CharClass::kSpace);
  EXPECT_EQ(char_class(0x0085), CharClass::kSpace);
  EXPECT_EQ(char_class(0x200B), CharClass::kOther);  // zero width space is no white space
  EXPECT_EQ(char_class(0x0301), CharClass::kOther);
}

TEST(IsWordChar, HoldsForLettersDigitsMarksAndUnderscore) {
  for (const char32_t code : {U'a', U'7', U'_', U'\u0301'}) EXPECT_TRUE(is_word_char(code));
  for (const char32_t code : {U' ', U'-', U'\u00BD'}) EXPECT_FALSE(is_word_char(code));
}

TEST(NormalForm, ComposesAndDecomposes) {
  EXPECT_EQ(normal_form("Cafe\u0301", NormalForm::kNfc), "Caf\u00e9");
  EXPECT_EQ(normal_form("Caf\u00e9", NormalForm::kNfd), "Cafe\u0301");
  EXPECT_EQ(normal_form("\uFB01", NormalForm::kNfkc), "fi");
  EXPECT_EQ(normal_form("\u212B", NormalForm::kNfkd), "A\u030A");
  EXPECT_EQ(normal_form("plain", NormalForm::kNfc), "plain");
}

TEST(NormalForm, LeavesMarksNewerThanUnicode9InPlace) {
  EXPECT_EQ(normal_form("x\u0312\u0323", NormalForm::kNfc), "x\u0323\u0312");
  EXPECT_EQ(normal_form("x\u0D3B\u0334", NormalForm::kNfc), "x\u0D3B\u0334");
}

TEST(LowerCase, MapsEachCharacterByItself) {
  EXPECT_EQ(lower_case("HELLO World"), "hello world");
  EXPECT_EQ(lower_case("\u0130x"), "i\u0307x");
  EXPECT_EQ(lower_case("\u039F\u03A3"), "\u03BF\u03C3");  // no final sigma
  EXPECT_EQ(lower_case("\U00010D50"), "\U00010D70");      // Unicode 16
}

TEST(BertClasses, KnowUnicode8) {
  EXPECT_TRUE(is_bert_control(0x200B));
  EXPECT_FALSE(is_bert_control(U'\n'));
  EXPECT_FALSE(is_bert_control(0x08E2));  // a format character since Unicode 9
  EXPECT_TRUE(is_bert_mark(0x0301));
  EXPECT_FALSE(is_bert_mark(0x08D4));  // since Unicode 9
  EXPECT_TRUE(is_bert_punctuation(U'$'));
  EXPECT_TRUE(is_bert_punctuation(0x3002));
  EXPECT_FALSE(is_bert_punctuation(0x20AC));  // the euro sign is a symbol
}

}  // namespace
}  // namespace vragent::words
