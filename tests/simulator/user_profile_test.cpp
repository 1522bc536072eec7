// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/simulator/user_profile.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<data::HistoryEntry> kHistory = {{"1", "first title", "first caption", "nice"},
                                                  {"2", "second title", "", ""},
                                                  {"3", "", "", "so\nfunny"}};

TEST(UserProfile, ShowsCaptionsAndCommentsOldestFirst) {
  EXPECT_THAT(
      profile_lines(kHistory, {}),
      ElementsAre(
          "- first caption (user: nice)", "- second title", "- (no title) (user: so funny)"));
}

TEST(UserProfile, ShowsTitlesAndNoCommentsWhenAsked) {
  EXPECT_THAT(profile_lines(kHistory, {.comments = false, .item_text = "title"}),
              ElementsAre("- first title", "- second title", "- (no title)"));
}

TEST(UserProfile, KeepsTheNewestVideos) {
  EXPECT_THAT(profile_lines(kHistory, {.comments = false, .max_history = 2}),
              ElementsAre("- second title", "- (no title)"));
}

TEST(UserProfile, KeepsTheNewestWithinTheBudgetAndAtLeastOne) {
  PromptConfig config{.comments = false};
  config.max_history_chars = 30;  // "- (no title)" and "- second title" with their line ends: 28
  EXPECT_THAT(profile_lines(kHistory, config), ElementsAre("- second title", "- (no title)"));
  config.max_history_chars = 5;
  EXPECT_THAT(profile_lines(kHistory, config), ElementsAre("- (no title)"));
  config.max_history_chars = 0;
  EXPECT_EQ(profile_lines(kHistory, config).size(), 3U);
  EXPECT_TRUE(profile_lines({}, config).empty());
}

TEST(OneLine, MakesOneLineOfAnything) {
  EXPECT_EQ(one_line(" a\r\n\tb \x01 c\x7F", 100), "a b c");
  EXPECT_EQ(one_line("", 100), "");
  EXPECT_EQ(one_line("\n\n", 100), "");
}

TEST(OneLine, CutsAtAWordAndNeverInsideACharacter) {
  EXPECT_EQ(one_line("one two three", 13), "one two three");
  EXPECT_EQ(one_line("one two three", 12), "one two...");
  EXPECT_EQ(one_line("one two three", 10), "one two...");
  EXPECT_EQ(one_line("one two three", 9), "one...");
  const std::string cats =
      "\xF0\x9F\x90\xB1\xF0\x9F\x90\xB1\xF0\x9F\x90\xB1\xF0\x9F\x90\xB1\xF0\x9F\x90\xB1";
  EXPECT_EQ(one_line(cats, 4), cats.substr(0, 4) + "...");
  EXPECT_EQ(one_line(cats, 5), cats);
}

TEST(PromptConfig, RefusesWhatItCannotDo) {
  const auto error_of = [](const PromptConfig& config) -> std::string {
    try {
      config.check();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of({}), "no error");
  EXPECT_THAT(error_of({.item_text = "cover"}),
              HasSubstr("--item-text must be one of caption, title"));
  EXPECT_THAT(error_of({.max_history = -1}), HasSubstr("--max-history"));
  EXPECT_THAT(error_of({.max_item_chars = 3}), HasSubstr("--max-item-chars"));
}

TEST(PromptConfig, IsReadFromFlatKeys) {
  PromptConfig config;
  apply_json(
      options_of(config), R"({"cot": false, "item-text": "title", "max-history": 4})", "test");
  EXPECT_FALSE(config.cot);
  EXPECT_EQ(config.item_text, "title");
  EXPECT_EQ(config.max_history, 4);
}

}  // namespace
}  // namespace vragent::simulator
