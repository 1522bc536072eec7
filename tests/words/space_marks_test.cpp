// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/space_marks.h"

#include <gtest/gtest.h>

namespace vragent::words {
namespace {

TEST(DecodeMarked, MakesSpacesOfMarksBehindTheFirstToken) {
  EXPECT_EQ(decode_marked("\u2581a\u2581b", {}, false), " a b");
  EXPECT_EQ(decode_marked("\u2581", {}, false), " ");
  EXPECT_EQ(decode_marked("ab", {}, false), "ab");
}

TEST(DecodeMarked, TreatsTheFirstTokenAsItIsTold) {
  using First = SpaceMarks::First;
  EXPECT_EQ(decode_marked("\u2581a\u2581b", {.first = First::kDropAll}, true), "ab");
  EXPECT_EQ(decode_marked("\u2581\u2581a", {.first = First::kDropOne}, true), " a");
  EXPECT_EQ(decode_marked("a\u2581", {.first = First::kDropOne}, true), "a ");
  EXPECT_EQ(decode_marked("\u2581a", {.first = First::kKeep}, true), " a");
}

TEST(DecodeMarked, ReadsByteTokensWhereThereAreSome) {
  EXPECT_EQ(decode_marked("<0xE2>", {.byte_tokens = true}, false), "\xE2");
  EXPECT_EQ(decode_marked("<0x0a>", {.byte_tokens = true}, false), "\n");
  EXPECT_EQ(decode_marked("<0xE2>", {}, false), "<0xE2>");
  for (const char* other : {"<0xG0>", "<0x1>", "<0x123>", "<0x-1>"}) {
    EXPECT_EQ(decode_marked(other, {.byte_tokens = true}, false), other);
  }
}

TEST(ByteToken, HasTwoCapitalDigits) {
  EXPECT_EQ(byte_token(0), "<0x00>");
  EXPECT_EQ(byte_token(0xAF), "<0xAF>");
}

}  // namespace
}  // namespace vragent::words
