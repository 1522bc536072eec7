// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/chat/stop_cutter.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "vragent/util/random.h"

namespace vragent::chat {
namespace {

TEST(StopCutter, LetsTextThroughWithoutStops) {
  StopCutter cutter({""});
  EXPECT_EQ(cutter.push("abc"), "abc");
  EXPECT_EQ(cutter.finish(), "");
  EXPECT_FALSE(cutter.stopped());
}

TEST(StopCutter, HoldsBackWhatMayBecomeAStop) {
  StopCutter cutter({"</answer>", "\n\n"});
  EXPECT_EQ(cutter.push("Yes</an"), "Yes");
  EXPECT_EQ(cutter.push("d\n"), "</and");
  EXPECT_EQ(cutter.push("x</answer"), "\nx");
  EXPECT_EQ(cutter.finish(), "</answer");
}

TEST(StopCutter, EndsBeforeTheFirstStop) {
  StopCutter cutter({"</answer>", "\n\n"});
  EXPECT_EQ(cutter.push("No</answer>\n\n"), "No");
  EXPECT_TRUE(cutter.stopped());
  EXPECT_EQ(cutter.push("more"), "");
  EXPECT_EQ(cutter.finish(), "");
}

TEST(StopCutter, GivesTheSameHoweverTheTextIsCut) {
  RandomStream random(7);
  const std::vector<std::string> stops = {"aab", "bb", "abab"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::int64_t n = random.below(12); n >= 0; --n) text += "ab"[random.below(2)];
    std::size_t first = text.size();
    for (const std::string& stop : stops) first = std::min(first, text.find(stop));
    StopCutter cutter(stops);
    std::string got;
    for (std::size_t at = 0; at < text.size();) {
      const auto length = static_cast<std::size_t>(1 + random.below(4));
      got += cutter.push(std::string_view(text).substr(at, length));
      at += length;
    }
    EXPECT_EQ(got + cutter.finish(), text.substr(0, first)) << text;
    EXPECT_EQ(cutter.stopped(), first < text.size()) << text;
  }
}

}  // namespace
}  // namespace vragent::chat
