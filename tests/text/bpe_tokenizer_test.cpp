// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/bpe_tokenizer.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/tiny_tokenizer.h"
#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

/// Letters a, b, c (ids 0, 1, 2) and the tokens that `merges` make.
BpeModel letters(const std::vector<std::pair<std::string, std::string>>& merges) {
  BpeModel model;
  model.where = "test";
  model.vocab = {{"a", 0}, {"b", 1}, {"c", 2}};
  for (const auto& [left, right] : merges) {
    model.vocab.emplace_back(left + right, static_cast<std::int64_t>(model.vocab.size()));
  }
  model.merges = merges;
  return model;
}

std::vector<std::int64_t> encode(BpeModel model, std::string_view text) {
  return make_bpe_tokenizer(std::move(model), {})->encode(text);
}

TEST(BpeTokenizer, JoinsTheLowestRankFirst) {
  const BpeModel model = letters({{"b", "c"}, {"a", "b"}});
  EXPECT_THAT(encode(model, "abc"), ElementsAre(0, 3));
  EXPECT_THAT(encode(model, "ab"), ElementsAre(4));
}

TEST(BpeTokenizer, JoinsTheLeftmostOfEqualRank) {
  EXPECT_THAT(encode(letters({{"a", "a"}}), "aaaaa"), ElementsAre(3, 3, 0));
}

TEST(BpeTokenizer, JoinsWhatItHasJoined) {
  const BpeModel model = letters({{"a", "b"}, {"ab", "ab"}, {"abab", "c"}});
  EXPECT_THAT(encode(model, "ababcab"), ElementsAre(5, 3));
}

/// Joins by the definition: look at all pairs, take the best, start over.
std::vector<std::string> joined_slowly(const BpeModel& model, const std::string& word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  while (true) {
    std::size_t best = model.merges.size();
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found =
          std::find(model.merges.begin(), model.merges.end(), std::pair(parts[i], parts[i + 1]));
      const auto rank = static_cast<std::size_t>(found - model.merges.begin());
      if (rank < best) {
        best = rank;
        place = i;
      }
    }
    if (best == model.merges.size()) return parts;
    parts[place] += parts[place + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

TEST(BpeTokenizer, AgreesWithTheDefinitionForShortAndLongWords) {
  const BpeModel model = letters({{"a", "b"},
                                  {"a", "a"},
                                  {"b", "c"},
                                  {"aa", "aa"},
                                  {"ab", "c"},
                                  {"ab", "ab"},
                                  {"c", "aa"},
                                  {"abab", "bc"}});
  const auto tokenizer = make_bpe_tokenizer(model, {});
  RandomStream random(3, "bpe");
  for (int round = 0; round < 300; ++round) {
    std::string word;
    for (std::int64_t i = random.below(120); i >= 0; --i) {
      word += static_cast<char>('a' + random.below(3));
    }
    std::vector<std::int64_t> expected;
    for (const std::string& part : joined_slowly(model, word)) {
      expected.push_back(tokenizer->need_token(part));
    }
    ASSERT_EQ(tokenizer->encode(word), expected) << word;
  }
}

TEST(BpeTokenizer, HandlesAWordOfAMillionBytes) {
  const auto ids = encode(letters({{"a", "a"}, {"aa", "aa"}}), std::string(1'000'001, 'a'));
  EXPECT_EQ(ids.size(), 250'001U);
  EXPECT_EQ(ids.front(), 4);
  EXPECT_EQ(ids.back(), 0);
}

TEST(BpeTokenizer, MarksTheEndOfAWord) {
  BpeModel model;
  model.vocab = {{"a", 0}, {"b", 1}, {"a</w>", 2}, {"b</w>", 3}, {"ab</w>", 4}, {"ab", 5}};
  model.merges = {{"a", "b</w>"}, {"a", "b"}};
  model.word_end = "</w>";
  TokenizerParts parts;
  parts.splits = {words::WordPattern::kClip};
  const auto tokenizer = make_bpe_tokenizer(std::move(model), std::move(parts));
  const auto ids = tokenizer->encode("ab aba b");
  EXPECT_THAT(ids, ElementsAre(4, 5, 2, 3));
  EXPECT_EQ(tokenizer->decode(ids), "ab aba b");
}

TEST(BpeTokenizer, GivesUnknownBytesTheUnknownToken) {
  BpeModel model = letters({});
  EXPECT_THAT(encode(model, "axyb"), ElementsAre(0, 1));
  model.unk_token = "c";
  EXPECT_THAT(encode(model, "axyb"), ElementsAre(0, 2, 2, 1));
  model.fuse_unk = true;
  EXPECT_THAT(encode(model, "axyb"), ElementsAre(0, 2, 1));
  model.unk_token = "<unk>";
  EXPECT_THAT([&] { encode(model, "a"); },
              ThrowsMessage<DataError>("test: unk_token \"<unk>\" is not in the vocabulary"));
}

TEST(BpeTokenizer, TakesWholeWordsWhenMergesAreIgnored) {
  BpeModel model = letters({{"a", "b"}});
  model.vocab.emplace_back("abc", 4);
  EXPECT_THAT(encode(model, "abc"), ElementsAre(3, 2));
  model.ignore_merges = true;
  EXPECT_THAT(encode(model, "abc"), ElementsAre(4));
  EXPECT_THAT(encode(model, "abcc"), ElementsAre(3, 2, 2));
}

TEST(BpeTokenizer, BeginsWithCharactersWhereTheVocabularyDoes) {
  BpeModel model{.vocab = {{"\u00e9", 0}, {"\u4f60", 1}, {"\u4f60\u00e9", 2}, {"<0x41>", 3}},
                 .merges = {{"\u4f60", "\u00e9"}},
                 .byte_level = false};
  EXPECT_THAT(encode(model, "\u4f60\u00e9A"), ElementsAre(2));
  model.byte_fallback = true;
  EXPECT_THAT(encode(model, "\u4f60\u00e9AB"), ElementsAre(2, 3));
  model.unk_token = "\u00e9";
  model.fuse_unk = true;
  EXPECT_THAT(encode(model, "BBA"), ElementsAre(0, 3));
}

TEST(BpeTokenizer, NeverMakesAControlTokenOfText) {
  BpeModel model = letters({{"a", "b"}, {"ab", "c"}});
  TokenizerParts parts;
  parts.added = {{.id = 4, .content = "abc"}};
  EXPECT_THAT(make_bpe_tokenizer(model, parts)->encode("abc"), ElementsAre(3, 2));
  model.ignore_merges = true;
  EXPECT_THAT(make_bpe_tokenizer(model, parts)->encode("abc"), ElementsAre(3, 2));
  const EncodeOptions match{.match_special = true};
  EXPECT_THAT(make_bpe_tokenizer(model, parts)->encode("abc", match), ElementsAre(4));
}

TEST(BpeTokenizer, LetsALaterMergeOfTheSamePairCount) {
  const BpeModel model = letters({{"b", "c"}, {"a", "b"}});
  BpeModel twice = model;
  twice.merges.emplace_back("b", "c");
  EXPECT_THAT(encode(model, "abc"), ElementsAre(0, 3));
  EXPECT_THAT(encode(twice, "abc"), ElementsAre(4, 2));
}

TEST(BpeTokenizer, RefusesBrokenTables) {
  BpeModel model = letters({{"a", "b"}});
  model.merges.emplace_back("b", "b");
  EXPECT_THAT(
      [&] { encode(model, "a"); },
      ThrowsMessage<DataError>("test: merge 1 (\"b\" + \"b\"): the vocabulary has no \"bb\""));
  model = letters({});
  model.vocab.emplace_back("d", 2);
  EXPECT_THAT([&] { encode(model, "a"); },
              ThrowsMessage<DataError>(HasSubstr("have the same id 2")));
  model = letters({});
  model.vocab.emplace_back("d", std::int64_t{1} << 40);
  EXPECT_THAT([&] { encode(model, "a"); }, ThrowsMessage<DataError>(HasSubstr("out of range")));
}

TEST(BpeTokenizer, DecodesBytesThatAreNoText) {
  BpeModel model;
  model.vocab = {{"\u00f0\u0141", 0}, {"\u013a\u0124", 1}, {"A", 2}};  // F0 9F, 98 82
  const auto tokenizer = make_bpe_tokenizer(std::move(model), {});
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{0, 1}), "\U0001F602");
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{0, 2, 1}), "\uFFFDA\uFFFD\uFFFD");
}

TEST(SplitMerge, WantsTwoTokens) {
  EXPECT_EQ(split_merge("a b"), std::pair(std::string("a"), std::string("b")));
  for (const char* bad : {"", "ab", " b", "a ", "a b c", "a  b"}) {
    EXPECT_EQ(split_merge(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace vragent::text
