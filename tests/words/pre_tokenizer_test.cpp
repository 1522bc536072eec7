// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/words/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vragent::words {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SplitInSteps, RunsOneStageOnWhatTheOtherLeft) {
  EXPECT_THAT(split_in_steps("ab 12c", {SplitDigits{}, WordPattern::kGpt2}),
              ElementsAre("ab", " ", "1", "2", "c"));
  EXPECT_THAT(split_in_steps("ab 12c", {SplitDigits{.individual = false}}),
              ElementsAre("ab ", "12", "c"));
  EXPECT_THAT(split_in_steps("", {WordPattern::kGpt2}), IsEmpty());
  EXPECT_THAT(split_in_steps("whole", {}), ElementsAre("whole"));
}

TEST(SplitInSteps, CutsBertWordsAtSpaceAndPunctuation) {
  EXPECT_THAT(split_in_steps("don't  stop.\u3002", {SplitBertWords{}}),
              ElementsAre("don", "'", "t", "stop", ".", "\u3002"));
}

}  // namespace
}  // namespace vragent::words
