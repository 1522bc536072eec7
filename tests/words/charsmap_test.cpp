// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/charsmap.h"

#include <gtest/gtest.h>

#include "vragent/util/error.h"
#include "words/tiny_charsmap.h"

namespace vragent::words {
namespace {

Charsmap tiny_map() {
  return Charsmap(test::charsmap_blob({{"\n", " "},
                                       {"\r", " "},
                                       {"\x01", ""},
                                       {"\u00b2", "2"},
                                       {"e\u0301", "\u00e9"},
                                       {"\ufb01", "fi"},
                                       {"\u1112", "H"}}));
}

TEST(Charsmap, ReplacesAndDropsCharacters) {
  EXPECT_EQ(tiny_map().apply("a\nb\x01"
                             "c\u00b2"),
            "a bc2");
  EXPECT_EQ(tiny_map().apply("\ufb01n e\u0301"), "fin \u00e9");
  EXPECT_EQ(tiny_map().apply(""), "");
  EXPECT_EQ(tiny_map().apply(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Charsmap, ReplacesASmallGraphemeByItsShortestBeginning) {
  EXPECT_EQ(tiny_map().apply("\u00b2\u0301x"), "2x");  // four bytes: the accent is lost
  EXPECT_EQ(tiny_map().apply("\r\nx"), " x");
  EXPECT_EQ(tiny_map().apply("\ufb01\u0301"), "fi");
}

TEST(Charsmap, ReplacesALargeGraphemeCharacterByCharacter) {
  EXPECT_EQ(tiny_map().apply("\ufb01\u0301\u0302"), "fi\u0301\u0302");
  EXPECT_EQ(tiny_map().apply("\u1112\u1161"), "H\u1161");  // Hangul, six bytes
}

TEST(Charsmap, RefusesDamagedMaps) {
  const std::string blob = test::charsmap_blob({{"a", "b"}});
  EXPECT_THROW(Charsmap(""), DataError);
  EXPECT_THROW(Charsmap("\x04"), DataError);
  EXPECT_THROW(Charsmap(std::string(4, '\0')), DataError);
  EXPECT_THROW(Charsmap(blob.substr(0, blob.size() / 2)), DataError);
  // A trie that points outside of itself or of the replacements finds nothing.
  EXPECT_EQ(Charsmap(blob.substr(0, blob.size() - 2)).apply("a"), "a");
  EXPECT_EQ(Charsmap(test::little_endian(4) + std::string(4, '\xFF')).apply("a"), "a");
}

TEST(GraphemeSize, FollowsTheRulesOfUnicode) {
  EXPECT_EQ(grapheme_size("ab", 0), 1U);
  EXPECT_EQ(grapheme_size("\r\nx", 0), 2U);
  EXPECT_EQ(grapheme_size("\n\u0301", 0), 1U);
  EXPECT_EQ(grapheme_size("xe\u0301\u0302y", 1), 5U);
  EXPECT_EQ(grapheme_size("\u1112\u1161\u11ab\u1112", 0), 9U);        // Hangul L V T, then another
  EXPECT_EQ(grapheme_size("\u0600a", 0), 3U);                         // a prepended sign
  EXPECT_EQ(grapheme_size("\U0001F1E9\U0001F1EA\U0001F1EB", 0), 8U);  // of three, two are a flag
  EXPECT_EQ(grapheme_size("\U0001F468\u200D\U0001F469 ", 0), 11U);    // a family
  EXPECT_EQ(grapheme_size("a\u200D\U0001F469", 0), 4U);  // a joiner alone does not join
}

}  // namespace
}  // namespace vragent::words
