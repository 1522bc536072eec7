// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent {
namespace {

using ::testing::ElementsAre;

// The vectors of RFC 4648, section 10.
TEST(Base64, MatchesTheVectorsOfItsStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, TakesAnyByte) {
  EXPECT_EQ(base64(std::string_view("\x00\xFF\xFE", 3)), "AP/+");
}

TEST(Base64, IsReadBack) {
  for (const char* text : {"", "f", "fo", "foo", "\xFF\xFE", "foobar"}) {
    EXPECT_EQ(from_base64(base64(text)), text);
  }
  for (const char* wrong : {"Zg=", "Zg", "Z===", "Zm9\x80", "Zm 9", "Zg==Zg=="}) {
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
  }
}

TEST(SplitCsv, ReadsQuotedFields) {
  EXPECT_THAT(split_csv("1,\"a, \"\"b\"\"\",,c", "f:1"), ElementsAre("1", "a, \"b\"", "", "c"));
}

TEST(SplitCsv, NamesTheLineOfAnUnclosedQuote) {
  EXPECT_THROW((void)split_csv("1,\"a", "f:1"), DataError);
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Trim, TakesWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
}

TEST(ParseNumber, TakesFiniteNumbersOnly) {
  EXPECT_EQ(parse_number("4.5"), 4.5);
  EXPECT_EQ(parse_number("-1e3"), -1000);
  for (const char* text : {"", " 1", "1 ", "1,5", "nan", "inf", "1e999", "0x10", "x"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(CountWords, CountsWhatWhiteSpaceSeparates) {
  EXPECT_EQ(count_words(""), 0);
  EXPECT_EQ(count_words(" \n"), 0);
  EXPECT_EQ(count_words("one"), 1);
  EXPECT_EQ(count_words("  one\ttwo,\r\nthree "), 3);
}

TEST(ParseTime, TakesNumbersAndDates) {
  EXPECT_EQ(parse_time("978300760"), 978300760);
  EXPECT_EQ(parse_time("9.7830076e8"), 978300760);
  EXPECT_EQ(parse_time("1970-01-02"), 86400);
  EXPECT_EQ(parse_time("2017-12-17"), 1513468800);
  EXPECT_EQ(parse_time("2017-12-17 08:30"), 1513468800 + 30600);
  EXPECT_EQ(parse_time("2017-12-17T08:30:05.5Z"), 1513468800 + 30605.5);
}

TEST(ParseTime, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "2017-2-3",
                           "2017-02-29",
                           "2017-12-17 25:00",
                           "2017-12-17T",
                           "2017-12-17 08:30:-5",
                           "2017-12-17 08:30:5",
                           "17-12-2017",
                           "yesterday"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace vragent
