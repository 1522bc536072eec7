// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace mini_world {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(TrainBpe, JoinsTheMostFrequentPairFirst) {
  const auto bpe =
      train_bpe(std::vector<std::string>{"low low low low lot"}, BpeFlavour::kQwen2, 259);
  EXPECT_THAT(bpe.merges, ElementsAre(Pair("l", "o"), Pair("\u0120", "lo"), Pair("\u0120lo", "w")));
  EXPECT_EQ(bpe.tokens.size(), 259U);
  EXPECT_EQ(bpe.tokens.back(), "\u0120low");
}

TEST(TrainBpe, TakesOlderTokensOfPairsSeenEquallyOften) {
  const auto bpe =
      train_bpe(std::vector<std::string>{"zq", "zq", "ab", "ab"}, BpeFlavour::kQwen2, 257);
  EXPECT_THAT(bpe.merges, ElementsAre(Pair("a", "b")));
}

TEST(TrainBpe, StopsWhenNoPairWasSeenTwice) {
  EXPECT_THAT(train_bpe(std::vector<std::string>{"abcdef"}, BpeFlavour::kQwen2, 1000).merges,
              IsEmpty());
  EXPECT_THAT(train_bpe({}, BpeFlavour::kQwen2, 1000).merges, IsEmpty());
}

TEST(TrainBpe, NeverJoinsAcrossWords) {
  const auto bpe = train_bpe(std::vector<std::string>{"a!a!a!a!", "1212"}, BpeFlavour::kQwen2, 300);
  EXPECT_THAT(bpe.merges,
              ElementsAre(Pair("!", "a")));  // a sign may lead a word, digits never join
}

TEST(TrainBpe, LowersTheCaseAndMarksWordEndsForClip) {
  const auto bpe = train_bpe(std::vector<std::string>{"Cat CAT cat's"}, BpeFlavour::kClip, 514);
  EXPECT_THAT(bpe.merges, ElementsAre(Pair("a", "t</w>"), Pair("c", "at</w>")));
  EXPECT_EQ(bpe.tokens[256 + 'a'], "a</w>");
  EXPECT_EQ(bpe.tokens.back(), "cat</w>");
}

TEST(TrainBpe, RefusesAVocabularySmallerThanTheBytes) {
  EXPECT_THROW(train_bpe({}, BpeFlavour::kQwen2, 255), vragent::ConfigError);
  EXPECT_THROW(train_bpe({}, BpeFlavour::kClip, 511), vragent::ConfigError);
}

}  // namespace
}  // namespace mini_world
