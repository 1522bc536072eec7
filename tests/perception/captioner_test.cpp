// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/captioner.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "support/synthetic_video.h"
#include "vragent/chat/mock_chat.h"
#include "vragent/perception/caption_prompts.h"
#include "vragent/util/text.h"

namespace vragent::perception {
namespace {

/// A model that says what it was asked, and remembers.
class Captioner : public ::testing::Test {
 protected:
  chat::MockChat model{[this](const chat::Request& request, std::int64_t) {
    asked.push_back(request);
    chat::Answer answer;
    answer.text = request.messages.size() == 1 ? "perception of " + request.messages[0].text
                                               : "one two  three\nfour five six";
    answer.finish_reason = "stop";
    return answer;
  }};
  std::vector<chat::Request> asked;

  static std::vector<CaptionTask> tasks() {
    return {{"a", "the cat", test::numbered_frames(3)},
            {"b", "snow <|im_end|> fun", test::numbered_frames(2)}};
  }
};

TEST_F(Captioner, RewritesItsPerceptionInTheNextTurnOfTheSameDialogue) {
  const auto all = tasks();
  const auto results = caption_videos(model, all, {}, 1);
  ASSERT_EQ(asked.size(), 4);
  for (std::size_t i = 0; i < 2; ++i) {
    const chat::Request& first = asked[i];
    ASSERT_EQ(first.messages.size(), 1);
    EXPECT_EQ(first.messages[0].role, "user");
    EXPECT_EQ(first.messages[0].text, perceive_prompt(all[i].title));
    ASSERT_EQ(first.messages[0].images.size(), all[i].key_frames.size());
    for (std::size_t f = 0; f < all[i].key_frames.size(); ++f)
      EXPECT_EQ(test::number_on(first.messages[0].images[f]), static_cast<int>(f));
    const chat::Request& second = asked[2 + i];
    ASSERT_EQ(second.messages.size(), 3);
    EXPECT_EQ(second.messages[0].text, first.messages[0].text);
    EXPECT_EQ(second.messages[0].images.size(), all[i].key_frames.size());
    EXPECT_EQ(second.messages[1].role, "assistant");
    EXPECT_EQ(second.messages[1].text, "perception of " + perceive_prompt(all[i].title));
    EXPECT_EQ(second.messages[2].role, "user");
    EXPECT_EQ(second.messages[2].text, rewrite_prompt(35));
    EXPECT_EQ(results[i].perception, second.messages[1].text);
    EXPECT_EQ(results[i].caption, "one two three four five six") << "in one line";
    EXPECT_EQ(results[i].error, "");
  }
  std::set<std::uint64_t> seeds;
  for (const chat::Request& request : asked) seeds.insert(request.seed);
  EXPECT_EQ(seeds.size(), 4) << "a stream of its own for each turn of each video";
}

TEST_F(Captioner, ShowsFramesAndTitleApartWithoutCmp) {
  const auto all = tasks();
  const auto results = caption_videos(model, {&all[0], 1}, {.cmp = false, .max_words = 7}, 1);
  ASSERT_EQ(asked.size(), 4);
  EXPECT_EQ(asked[0].messages[0].text, perceive_frames_prompt());
  EXPECT_EQ(asked[0].messages[0].images.size(), 3);
  EXPECT_EQ(asked[0].messages[0].text.find("cat"), std::string::npos);
  EXPECT_EQ(asked[1].messages[0].text, perceive_title_prompt("the cat"));
  EXPECT_TRUE(asked[1].messages[0].images.empty());
  EXPECT_EQ(asked[2].messages.back().text, rewrite_prompt(3));
  EXPECT_EQ(asked[3].messages.back().text, rewrite_prompt(3));
  EXPECT_EQ(results[0].caption, "one two three one two three");
  EXPECT_EQ(results[0].perception, asked[2].messages[1].text + "\n" + asked[3].messages[1].text);
}

TEST_F(Captioner, TakesThePerceptionForTheCaptionWithoutRra) {
  const auto all = tasks();
  const auto results = caption_videos(model, all, {.rra = false, .max_words = 2}, 1);
  EXPECT_EQ(asked.size(), 2) << "one turn a video";
  EXPECT_EQ(results[0].caption, "perception of " + perceive_prompt("the cat"));
}

TEST_F(Captioner, CutsCaptionsAtTheWordLimit) {
  const auto all = tasks();
  for (const bool cmp : {true, false}) {
    for (const std::int64_t limit : {1, 2, 5, 6, 100}) {
      const auto results = caption_videos(model, all, {.cmp = cmp, .max_words = limit}, 1);
      EXPECT_LE(count_words(results[0].caption), limit) << cmp;
      EXPECT_GE(count_words(results[0].caption), std::min<std::int64_t>(limit - 1, 6)) << cmp;
    }
  }
}

TEST_F(Captioner, AsksTheSameWhateverItsBatchMates) {
  const auto all = tasks();
  caption_videos(model, all, {}, 1);
  const std::vector<chat::Request> together = asked;
  asked.clear();
  caption_videos(model, {&all[1], 1}, {}, 1);
  ASSERT_EQ(asked.size(), 2);
  EXPECT_EQ(asked[0].seed, together[1].seed);
  EXPECT_EQ(asked[1].seed, together[3].seed);
  asked.clear();
  caption_videos(model, {&all[1], 1}, {}, 2);
  EXPECT_NE(asked[0].seed, together[1].seed);
  EXPECT_TRUE(caption_videos(model, {}, {}, 1).empty());
}

TEST(CaptionerWithRules, ReportsACallThatFailedAndAnAnswerThatWasCut) {
  const std::vector<CaptionTask> tasks = {{"a", "good", {}}, {"b", "bad", {}}};
  chat::MockChat model(
      {{.contains = "\"bad\"", .error = "server is gone"},
       {.contains = "recommender", .answers = {"short"}, .finish_reason = "length"},
       {.contains = "", .answers = {"a long perception"}}});
  const auto results = caption_videos(model, tasks, {}, 1);
  EXPECT_EQ(results[0].error, "");
  EXPECT_EQ(results[0].finish_reason, "length");
  EXPECT_EQ(results[0].caption, "short");
  EXPECT_GT(results[0].prompt_tokens, 0);
  EXPECT_EQ(results[0].completion_tokens, 4) << "of both turns";
  EXPECT_EQ(results[1].error, "server is gone");
}

TEST(CutWords, JoinsWordsOfAnyWhiteSpace) {
  EXPECT_EQ(cut_words("  one\n\ttwo  three ", 2), "one two");
  EXPECT_EQ(cut_words("one", 5), "one");
  EXPECT_EQ(cut_words(" \n", 5), "");
  EXPECT_EQ(count_words("  one\n\ttwo  three "), 3);
  EXPECT_EQ(count_words(""), 0);
}

}  // namespace
}  // namespace vragent::perception
