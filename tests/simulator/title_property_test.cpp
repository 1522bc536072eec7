// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Properties of the answer parser on real titles: candidate sets of one true title and seeded
// distractors, near-duplicates forced in.
#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/data/items.h"
#include "vragent/simulator/answer_parser.h"
#include "vragent/util/random.h"

namespace vragent::simulator {
namespace {

constexpr int kNumSets = 1500;

struct TitleSet {
  std::vector<std::string> titles;
  std::int64_t truth = 0;

  [[nodiscard]] const std::string& title() const { return titles[static_cast<std::size_t>(truth)]; }

  [[nodiscard]] bool is_unique() const {
    return std::count(titles.begin(), titles.end(), title()) == 1;
  }
};

class MicroLensTitleSets : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::shared_data("data/microlens-50k/MicroLens-50k_titles.csv");
    if (!path) GTEST_SKIP() << "data/microlens-50k is not among the shared test data";
    for (const data::Item& item : data::formats::load_items(*path).items)
      titles_.push_back(item.title);
    std::vector<std::string> sorted = titles_;
    std::sort(sorted.begin(), sorted.end());
    sorted_ = sorted;
  }

  /// Five titles; neighbours in sorted order are the near-duplicates of the catalogue.
  TitleSet draw(RandomStream& random) {
    TitleSet set;
    const auto at = static_cast<std::size_t>(random.below(std::ssize(sorted_) - 1));
    const std::string twin = sorted_[at + 1];
    set.titles = {
        sorted_[at], twin, random.pick(titles_), random.pick(titles_), random.pick(titles_)};
    random.shuffle(set.titles);
    const auto found = std::find(set.titles.begin(), set.titles.end(), sorted_[at]);
    set.truth = found - set.titles.begin();
    return set;
  }

  std::vector<std::string> titles_;
  std::vector<std::string> sorted_;
};

ParsedAnswer read(const std::string& value, const TitleSet& set) {
  const std::string reply =
      "<think>x</think><answer>(1) User_preference: fun, enjoys A and B.\n"
      "(2) Next_video: " +
      value + "</answer>";
  return parse_selection(reply, set.titles, "stop");
}

TEST_F(MicroLensTitleSets, ACopyOfATitleIsAlwaysThatCandidate) {
  RandomStream random(1);
  for (int i = 0; i < kNumSets; ++i) {
    const TitleSet set = draw(random);
    const ParsedAnswer parsed = read(set.title(), set);
    if (set.is_unique()) {
      EXPECT_EQ(parsed.choice, set.truth) << set.title();
      EXPECT_EQ(parsed.tier, MatchTier::kExact) << set.title();
    } else {
      EXPECT_EQ(parsed.status, data::AnswerStatus::kAmbiguous) << set.title();
    }
  }
}

TEST_F(MicroLensTitleSets, ALetterIsAlwaysThatCandidate) {
  RandomStream random(2);
  for (int i = 0; i < kNumSets; ++i) {
    const TitleSet set = draw(random);
    const std::string letter(1, static_cast<char>('A' + set.truth));
    EXPECT_EQ(read(letter, set).choice, set.truth);
    const ParsedAnswer both = read(letter + ". " + set.title(), set);
    if (set.is_unique()) {
      EXPECT_EQ(both.choice, set.truth) << both.value;
    }
  }
}

TEST_F(MicroLensTitleSets, CaseQuotesAndPunctuationDoNotMatter) {
  RandomStream random(3);
  for (int i = 0; i < kNumSets; ++i) {
    const TitleSet set = draw(random);
    std::string value = "\"" + set.title() + ".";
    std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) {
      return static_cast<char>(std::toupper(c));
    });
    const ParsedAnswer parsed = read(value, set);
    if (parsed.choice) {
      EXPECT_EQ(parsed.choice, set.truth) << value;
    }
    // Nothing but a title that differs from its twin in punctuation alone may be left open.
    if (!parsed.choice) {
      EXPECT_EQ(parsed.status, data::AnswerStatus::kAmbiguous) << value;
    }
  }
}

TEST_F(MicroLensTitleSets, ACutCopyIsThatCandidateOrAmbiguous) {
  RandomStream random(4);
  int num_right = 0;
  for (int i = 0; i < kNumSets; ++i) {
    const TitleSet set = draw(random);
    const auto space = set.title().find(' ', set.title().size() / 2);
    if (space == std::string::npos) continue;
    const ParsedAnswer parsed = read(set.title().substr(0, space), set);
    if (parsed.choice) {
      EXPECT_EQ(parsed.choice, set.truth) << parsed.value;
    }
    num_right += parsed.choice ? 1 : 0;
  }
  EXPECT_GT(num_right, kNumSets / 2);
}

TEST_F(MicroLensTitleSets, ATitleThatIsNotThereIsNoCandidate) {
  RandomStream random(5);
  int num_matched = 0;
  for (int i = 0; i < kNumSets; ++i) {
    TitleSet set = draw(random);
    const std::string absent = set.title();
    std::erase(set.titles, absent);
    const ParsedAnswer parsed = read(absent, set);
    if (!parsed.choice) continue;
    // Only its forced near-duplicate may be close enough, and the tier says so.
    EXPECT_NE(parsed.tier, MatchTier::kExact) << absent;
    EXPECT_NE(parsed.tier, MatchTier::kLetter) << absent;
    ++num_matched;
  }
  EXPECT_LT(num_matched, kNumSets / 5);
}

}  // namespace
}  // namespace vragent::simulator
