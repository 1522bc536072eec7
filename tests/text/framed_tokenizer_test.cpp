// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/framed_tokenizer.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vragent/util/error.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

/// Each word is its length; counts how often it is asked.
class LengthTokenizer final : public FramedTokenizer {
 public:
  explicit LengthTokenizer(TokenizerParts parts) : FramedTokenizer(std::move(parts)) {}

  mutable int num_calls = 0;

 protected:
  void encode_word(std::string_view word, std::vector<std::int64_t>& ids) const override {
    ++num_calls;
    ids.push_back(static_cast<std::int64_t>(word.size()));
  }

  [[nodiscard]] std::string model_bytes(std::int64_t id) const override {
    return id >= 0 && id < model_size() ? "w" : "";
  }

  [[nodiscard]] std::string_view joint(std::optional<std::int64_t> previous,
                                       std::int64_t /*id*/) const override {
    return previous ? " " : "";
  }

  [[nodiscard]] std::int64_t model_size() const override { return 50; }

  [[nodiscard]] std::optional<std::int64_t> find_in_model(std::string_view) const override {
    return std::nullopt;
  }
};

TokenizerParts parts_with(std::vector<AddedToken> added) {
  TokenizerParts parts;
  parts.added = std::move(added);
  parts.splits = {words::SplitBertWords{}};
  return parts;
}

std::vector<std::string> cut(std::vector<AddedToken> tokens, std::string_view text) {
  const AddedTokens added(std::move(tokens), "test");
  std::vector<std::string> pieces;
  for (const AddedTokens::Piece& piece : added.cut(text)) {
    pieces.push_back(piece.id < 0 ? std::string(piece.text) : "#" + std::to_string(piece.id));
  }
  return pieces;
}

TEST(AddedTokens, FindsTheLeftmostAndOfThoseTheLongest) {
  const std::vector<AddedToken> tokens = {{.id = 1, .content = "<a"}, {.id = 2, .content = "<a>"}};
  EXPECT_THAT(cut(tokens, "x<a>y<a"), ElementsAre("x", "#2", "y", "#1"));
  EXPECT_THAT(cut(tokens, "<<a>"), ElementsAre("<", "#2"));
  EXPECT_THAT(cut(tokens, ""), IsEmpty());
}

TEST(AddedTokens, OfSingleWordsStandAlone) {
  const std::vector<AddedToken> tokens = {{.id = 1, .content = "cat", .single_word = true}};
  EXPECT_THAT(cut(tokens, "cat, \u00e9cat cats"), ElementsAre("#1", ", \u00e9cat cats"));
}

TEST(AddedTokens, TakeSpaceAlongWhereTheySaySo) {
  EXPECT_THAT(cut({{.id = 1, .content = "<m>", .lstrip = true}}, "a \u3000<m> b"),
              ElementsAre("a", "#1", " b"));
  EXPECT_THAT(cut({{.id = 1, .content = "<m>", .rstrip = true}}, "a <m> \n<m>"),
              ElementsAre("a ", "#1", "#1"));
}

TEST(AddedTokens, RefuseWhatCannotBeFoundOrHeld) {
  EXPECT_THROW(cut({{.id = 1, .content = ""}}, "a"), DataError);
  EXPECT_THAT([] { cut({{.id = kMaxTokenId, .content = "x"}}, "a"); },
              ThrowsMessage<DataError>(HasSubstr("\"x\": id 16777216 is out of range")));
  EXPECT_THROW(cut({{.id = -1, .content = "x"}}, "a"), DataError);
}

TEST(FramedTokenizer, LooksForAddedTokensOnlyWhereAsked) {
  const LengthTokenizer tokenizer(parts_with({{.id = 40, .content = "<x>"}}));
  EXPECT_THAT(tokenizer.encode("ab <x>"), ElementsAre(2, 1, 1, 1));
  EXPECT_THAT(tokenizer.encode("ab <x>", {.match_special = true}), ElementsAre(2, 40));
}

TEST(FramedTokenizer, JoinsSegmentsBeforeItCutsWords) {
  const LengthTokenizer tokenizer(parts_with({{.id = 40, .content = "<x>"}}));
  const std::vector<TextSegment> segments = {{"<x>ab", true}, {"cd<", false}, {"x>", false}};
  EXPECT_THAT(tokenizer.encode_segments(segments, {}), ElementsAre(40, 4, 1, 1, 1));
}

TEST(FramedTokenizer, FramesAndShortensBeforeTheEnd) {
  TokenizerParts parts = parts_with({});
  parts.prefix = {48};
  parts.suffix = {49};
  const LengthTokenizer tokenizer(std::move(parts));
  const std::string text = "a bb ccc dddd";
  EXPECT_THAT(tokenizer.encode(text), ElementsAre(48, 1, 2, 3, 4, 49));
  EXPECT_THAT(tokenizer.encode(text, {.max_length = 4}), ElementsAre(48, 1, 2, 49));
  EXPECT_THAT(tokenizer.encode(text, {.add_special = false, .max_length = 2}), ElementsAre(1, 2));
  EXPECT_THAT(tokenizer.encode("", {.max_length = 2}), ElementsAre(48, 49));
  EXPECT_THROW((void)tokenizer.encode(text, {.max_length = 1}), ConfigError);
}

TEST(FramedTokenizer, RepairsInvalidUtf8AfterJoining) {
  const LengthTokenizer tokenizer(parts_with({}));
  const std::vector<TextSegment> segments = {{"a\xC3", false}, {"\xA9", true}};
  EXPECT_THAT(tokenizer.encode_segments(segments, {}), ElementsAre(3));
  EXPECT_THAT(tokenizer.encode("a\xC3"), ElementsAre(4));  // a and U+FFFD
}

TEST(FramedTokenizer, AsksTheModelOnceForAWord) {
  const LengthTokenizer tokenizer(parts_with({}));
  const std::string longer(40, 'x');
  (void)tokenizer.encode("ab ab ab");
  EXPECT_EQ(tokenizer.num_calls, 1);
  (void)tokenizer.encode(longer + " " + longer);  // too long to be kept
  EXPECT_EQ(tokenizer.num_calls, 3);
}

TEST(FramedTokenizer, IsTheSameFromSeveralThreads) {
  const LengthTokenizer tokenizer(parts_with({}));
  const auto work = [&](std::vector<std::int64_t>& ids) {
    for (int i = 0; i < 2000; ++i) {
      const auto more = tokenizer.encode(std::string(static_cast<std::size_t>(i % 30 + 1), 'y'));
      ids.insert(ids.end(), more.begin(), more.end());
    }
  };
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  std::thread other([&] { work(second); });
  work(first);
  other.join();
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.at(29), 30);
}

TEST(FramedTokenizer, LooksForNormalizedTokensBehindNormalization) {
  TokenizerParts parts = parts_with({{.id = 40, .content = "Day", .normalized = true}});
  parts.normalizer = {words::LowerCase{}};
  const LengthTokenizer tokenizer(std::move(parts));
  EXPECT_THAT(tokenizer.encode("aDAYbb", {.match_special = true}), ElementsAre(1, 40, 2));
  EXPECT_THAT(tokenizer.encode("aDAYbb"), ElementsAre(6));
  EXPECT_EQ(tokenizer.decode(std::vector<std::int64_t>{1, 40}, false), "w day");
  // Beside text that asks for none, they are looked for as they are written.
  const std::vector<TextSegment> segments = {{"aDAYDay", true}, {"day", false}};
  EXPECT_THAT(tokenizer.encode_segments(segments, {}), ElementsAre(4, 40, 3));
}

TEST(FramedTokenizer, DecodesAddedTokensAsTheyAreWritten) {
  const LengthTokenizer tokenizer(
      parts_with({{.id = 60, .content = "<x>"}, {.id = 61, .content = "<y>", .special = false}}));
  const std::vector<std::int64_t> ids = {60, 3, 61, 999, -1};
  EXPECT_EQ(tokenizer.decode(ids), "w <y>");
  EXPECT_EQ(tokenizer.decode(ids, false), "<x> w <y>");
  EXPECT_EQ(tokenizer.vocab_size(), 62);
}

}  // namespace
}  // namespace vragent::text
