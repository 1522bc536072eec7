// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/normalizer.h"

#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::words {
namespace {

std::string bert(std::string text, const BertNormalization& step = {}) {
  return normalize(std::move(text), {step});
}

TEST(BertNormalization, DropsControlCharactersAndEvensOutSpace) {
  EXPECT_EQ(bert(std::string("a\0b\x01\u200b\uFFFD", 10) + "c\td\n\u3000e"), "abc d  e");
}

TEST(BertNormalization, KeepsUnassignedCodePoints) {
  EXPECT_EQ(bert("a\u0378"), "a\u0378");
}

TEST(BertNormalization, SurroundsChineseCharactersWithSpace) {
  EXPECT_EQ(bert("a\u6f22\u5b57"), "a \u6f22  \u5b57 ");
  EXPECT_EQ(bert("a\u6f22", {.space_around_chinese = false}), "a\u6f22");
  EXPECT_EQ(bert("\u30ab", {.strip_accents = false}), "\u30ab");  // kana is not surrounded
}

TEST(BertNormalization, StripsAccentsAndLowersTheCase) {
  EXPECT_EQ(bert("Caf\u00c9 \u00d1"), "cafe n");
  EXPECT_EQ(bert("Caf\u00c9", {.strip_accents = false}), "caf\u00e9");
  EXPECT_EQ(bert("Caf\u00c9", {.lower_case = false}), "CafE");
}

TEST(Normalize, RunsStepsInOrder) {
  EXPECT_EQ(normalize("A  \n\u3000B", {ReplaceSpace{" "}, LowerCase{}}), "a b");
  EXPECT_EQ(normalize("``a``", {ReplaceText{"``", "\""}, ReplaceText{"\"a", "b"}}), "b\"");
  EXPECT_EQ(normalize("E\u0301", {LowerCase{}, NormalForm::kNfc}), "\u00e9");
  EXPECT_EQ(normalize("As It Is", {}), "As It Is");
}

TEST(Normalize, KnowsTheStepsOfSentencePiecesVocabularies) {
  EXPECT_EQ(normalize("a  b c   ", {ReplaceBlanks{"_"}}), "a_b c_");
  EXPECT_EQ(normalize(" a\u3000", {StripSpace{.left = false}}), " a");
  EXPECT_EQ(normalize("\n a \t", {StripSpace{}}), "a");
  EXPECT_EQ(normalize(" \u00a0", {StripSpace{}}), "");
  EXPECT_EQ(normalize("a", {Prepend{"_"}}), "_a");
  EXPECT_EQ(normalize("", {Prepend{"_"}}), "");
  EXPECT_EQ(normalize("E\u0301\u20dd", {StripAccents{}}), "E");
}

TEST(Normalize, StopsWhereStepsMakeATextGrowWithoutEnd) {
  const std::vector<NormalizerStep> chain(12, ReplaceText{"a", "aaaaaaaaaaaaaaaaaaaa"});
  EXPECT_THROW(normalize("a", chain), DataError);
  EXPECT_EQ(normalize("a", {chain[0], chain[1]}), std::string(400, 'a'));
  const std::string large(1 << 20, 'b');
  EXPECT_THROW(normalize("a a  a", {ReplaceSpace{large}}), DataError);
  EXPECT_THROW(normalize("a a  a", {ReplaceBlanks{large}}), DataError);
}

}  // namespace
}  // namespace vragent::words
