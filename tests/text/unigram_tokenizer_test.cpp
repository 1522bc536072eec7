// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/unigram_tokenizer.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

using Ids = std::vector<std::int64_t>;

UnigramModel tiny_model() {
  return {.where = "test",
          .vocab = {{"<unk>", 0},
                    {"<s>", 0},
                    {"a", -1},
                    {"b", -1},
                    {"ab", -3},
                    {"abb", -2.5},
                    {"\u2581", -2},
                    {"\u2581a", -1.5}},
          .unk_id = 0};
}

TokenizerParts tiny_parts() {
  TokenizerParts parts;
  parts.added = {{.id = 0, .content = "<unk>"}, {.id = 1, .content = "<s>"}};
  parts.splits = {words::Metaspace{}};
  parts.marks = words::SpaceMarks{};
  return parts;
}

TEST(UnigramTokenizer, TakesThePiecesWithTheLargestSum) {
  TokenizerParts parts;  // without marks
  const auto tokenizer = make_unigram_tokenizer(tiny_model(), parts);
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(2, 3));    // -2 beats -3
  EXPECT_THAT(tokenizer->encode("abb"), ElementsAre(5));      // -2.5 beats -3
  EXPECT_THAT(tokenizer->encode("aabb"), ElementsAre(2, 5));  // not a, ab, b
}

TEST(UnigramTokenizer, TakesTheLongerLastPieceOfEqualWays) {
  UnigramModel model = tiny_model();
  model.vocab[4].second = -2;
  EXPECT_THAT(make_unigram_tokenizer(model, {})->encode("ab"), ElementsAre(4));
}

TEST(UnigramTokenizer, GivesOneUnknownForARunOfThem) {
  const auto tokenizer = make_unigram_tokenizer(tiny_model(), tiny_parts());
  EXPECT_THAT(tokenizer->encode("axyb\u00e9 \u4f60a"), ElementsAre(7, 0, 3, 0, 6, 0, 2));
}

TEST(UnigramTokenizer, FallsBackToBytesWhereAllAreThere) {
  UnigramModel model = tiny_model();
  model.byte_fallback = true;
  model.vocab.emplace_back("<0xC3>", -9);
  model.vocab.emplace_back("<0xA9>", -9);
  TokenizerParts parts = tiny_parts();
  parts.marks->byte_tokens = true;
  const auto tokenizer = make_unigram_tokenizer(model, parts);
  EXPECT_THAT(tokenizer->encode("a\u00e9"), ElementsAre(7, 8, 9));
  EXPECT_THAT(tokenizer->encode("a\u00e9x"), ElementsAre(7, 0));  // x has no byte
  EXPECT_EQ(tokenizer->decode(Ids{7, 8, 9}), "a\u00e9");
  EXPECT_EQ(tokenizer->decode(Ids{7, 8}), "a\ufffd");
}

TEST(UnigramTokenizer, NeverMakesAControlTokenOfText) {
  const auto tokenizer = make_unigram_tokenizer(tiny_model(), tiny_parts());
  EXPECT_THAT(tokenizer->encode("a<s>"), ElementsAre(7, 0));
  EXPECT_THAT(tokenizer->encode("<s>"), ElementsAre(6, 0));
  EXPECT_THAT(tokenizer->encode("a<s>", {.match_special = true}), ElementsAre(7, 1));
}

TEST(UnigramTokenizer, DecodesMarksAndLeavesOutTheFirst) {
  const auto tokenizer = make_unigram_tokenizer(tiny_model(), tiny_parts());
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a ab  a")), "a ab  a");
  EXPECT_EQ(tokenizer->decode(Ids{6, 7, 1}), " a");  // the first is a mark alone
  EXPECT_EQ(tokenizer->decode(Ids{99, 7}), "a");     // no such id: still the first
  StreamDecoder stream(*tokenizer);
  EXPECT_EQ(stream.push(6), "");
  EXPECT_EQ(stream.push(7), " a");
}

TEST(UnigramTokenizer, FindsPiecesByTheirText) {
  const auto tokenizer = make_unigram_tokenizer(tiny_model(), tiny_parts());
  EXPECT_EQ(tokenizer->find_token("\u2581a"), 7);
  EXPECT_EQ(tokenizer->find_token("<s>"), 1);
  EXPECT_EQ(tokenizer->find_token("abba"), std::nullopt);
  EXPECT_EQ(tokenizer->vocab_size(), 8);
}

TEST(UnigramTokenizer, RefusesWhatCannotBe) {
  const auto error_of = [](auto change) {
    UnigramModel model = tiny_model();
    change(model);
    return [model] { make_unigram_tokenizer(model, {}); };
  };
  EXPECT_THAT(error_of([](UnigramModel& m) { m.unk_id = 8; }),
              ThrowsMessage<DataError>(HasSubstr("unk_id 8")));
  EXPECT_THAT(error_of([](UnigramModel& m) { m.vocab.clear(); }),
              ThrowsMessage<DataError>(HasSubstr("test: unk_id")));
  EXPECT_THAT(error_of([](UnigramModel& m) { m.vocab[2].first = ""; }),
              ThrowsMessage<DataError>(HasSubstr("vocabulary")));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_of([nan](UnigramModel& m) { m.vocab[2].second = nan; }),
              ThrowsMessage<DataError>(HasSubstr("score")));
}

}  // namespace
}  // namespace vragent::text
