// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/wordpiece_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

std::unique_ptr<Tokenizer> tokenizer_of(const std::vector<std::string>& pieces) {
  WordPieceModel model;
  model.where = "test";
  for (const std::string& piece : pieces) {
    model.vocab.emplace_back(piece, static_cast<std::int64_t>(model.vocab.size()));
  }
  TokenizerParts parts;
  parts.splits = {words::SplitBertWords{}};
  return make_wordpiece_tokenizer(std::move(model), std::move(parts));
}

TEST(WordPieceTokenizer, TakesTheLongestPieceEachTime) {
  const auto tokenizer = tokenizer_of({"[UNK]", "play", "##ing", "##in", "##g", "pl", "##ay"});
  EXPECT_THAT(tokenizer->encode("playing plg"), ElementsAre(1, 2, 5, 4));
}

TEST(WordPieceTokenizer, GivesUpAWholeWordForOneUnknownPiece) {
  const auto tokenizer = tokenizer_of({"[UNK]", "play", "##s"});
  EXPECT_THAT(tokenizer->encode("plays playx x"), ElementsAre(1, 2, 0, 0));
}

TEST(WordPieceTokenizer, CutsBetweenCharactersOnly) {
  const auto tokenizer = tokenizer_of({"[UNK]", "\u00e9", "##\u00e9\u00e9"});
  EXPECT_THAT(tokenizer->encode("\u00e9\u00e9\u00e9 \u00e9\u00e9"), ElementsAre(1, 2, 0));
}

TEST(WordPieceTokenizer, RefusesWordsOfMoreThanAHundredCharacters) {
  const auto tokenizer = tokenizer_of({"[UNK]", "x", "##x", "\u00e9", "##\u00e9"});
  EXPECT_EQ(tokenizer->encode(std::string(100, 'x')).size(), 100U);
  EXPECT_THAT(tokenizer->encode(std::string(101, 'x')), ElementsAre(0));
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\u00e9";
  EXPECT_EQ(tokenizer->encode(accents).size(), 100U);  // characters are counted, not bytes
}

TEST(WordPieceTokenizer, DecodesWithSpacesBetweenWords) {
  const auto tokenizer = tokenizer_of({"[UNK]", "play", "##ing", ".", "("});
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{1, 2, 4, 1, 3}), "playing ( play.");
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{2, 1}), "##ing play");
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{99, 1}), "play");
}

TEST(WordPieceTokenizer, NeedsItsUnknownToken) {
  EXPECT_THAT([] { tokenizer_of({"a"}); },
              ThrowsMessage<DataError>("test: the vocabulary has no \"[UNK]\""));
}

}  // namespace
}  // namespace vragent::text
