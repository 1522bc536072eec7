// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/text/tokenizer.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "text/tiny_tokenizer.h"
#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::text {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

using Ids = std::vector<std::int64_t>;

void write_tiny(const test::TempDir& folder) {
  test::write_json(folder / "tokenizer.json", test::tiny_tokenizer_json());
}

std::unique_ptr<Tokenizer> tiny_tokenizer() {
  const test::TempDir folder;
  write_tiny(folder);
  return load_tokenizer(folder.path());
}

/// The tiny vocabulary as vocab.json + merges.txt.
void write_old_layout(const test::TempDir& folder, const std::string& first_line) {
  const Json root = test::tiny_tokenizer_json(false);
  test::write_json(folder / "vocab.json", root["model"]["vocab"]);
  std::string merges = first_line;
  for (const Json& merge : root["model"]["merges"]) merges += merge.get<std::string>() + "\n";
  write_file(folder / "merges.txt", merges);
  Json added = Json::object();
  for (const Json& token : root["added_tokens"]) {
    added[token["id"].dump()] = {{"content", token["content"]}, {"special", token["special"]}};
  }
  test::write_json(folder / "tokenizer_config.json",
                   {{"tokenizer_class", "Qwen2Tokenizer"},
                    {"eos_token", "<|im_end|>"},
                    {"pad_token", {{"content", "<|endoftext|>"}}},
                    {"bos_token", nullptr},
                    {"added_tokens_decoder", added}});
}

TEST(LoadTokenizer, ReadsAllThreeSpellingsOfMergesAlike) {
  const std::string text = "hello world aaaa\n\nCafe\u0301 it's";
  const auto expected = tiny_tokenizer()->encode(text);
  const test::TempDir lines;
  test::write_json(lines / "tokenizer.json", test::tiny_tokenizer_json(false));
  EXPECT_EQ(load_tokenizer(lines.path())->encode(text), expected);
  for (const char* first_line : {"", "#version: 0.2\n"}) {
    const test::TempDir folder;
    write_old_layout(folder, first_line);
    EXPECT_EQ(load_tokenizer(folder.path())->encode(text), expected) << first_line;
  }
}

TEST(LoadTokenizer, TakesRolesAndAddedTokensFromTheConfig) {
  const test::TempDir folder;
  write_old_layout(folder, "");
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->special_ids().eos, tokenizer->find_token("<|im_end|>"));
  EXPECT_EQ(tokenizer->special_ids().pad, tokenizer->find_token("<|endoftext|>"));
  EXPECT_EQ(tokenizer->special_ids().bos, std::nullopt);
  EXPECT_FALSE(tokenizer->is_special(tokenizer->need_token("<tool_call>")));
  EXPECT_EQ(tokenizer->vocab_size(), 256 + 10 + 7);
}

TEST(LoadTokenizer, TakesRolesAndAddedTokensFromOlderFiles) {
  const test::TempDir folder;
  write_old_layout(folder, "");
  test::write_json(folder / "tokenizer_config.json", {{"tokenizer_class", "Qwen2TokenizerFast"}});
  test::write_json(folder / "added_tokens.json", {{"<|im_end|>", 300}, {"<w>", 301}});
  test::write_json(folder / "special_tokens_map.json",
                   {{"eos_token", "<|im_end|>"}, {"additional_special_tokens", {"<|nobody|>"}}});
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->special_ids().eos, 300);
  EXPECT_TRUE(tokenizer->is_special(300));
  EXPECT_FALSE(tokenizer->is_special(301));
  EXPECT_EQ(tokenizer->find_token("<|nobody|>"), std::nullopt);
}

/// GPT-2's layout: <|endoftext|> is the last token of vocab.json, and no file says what it is for.
void write_gpt2_layout(const test::TempDir& folder) {
  write_old_layout(folder, "#version: 0.2\n");
  Json vocab = test::tiny_tokenizer_json(false)["model"]["vocab"];
  vocab["<|endoftext|>"] = 266;
  test::write_json(folder / "vocab.json", vocab);
  test::write_json(folder / "tokenizer_config.json", {{"model_max_length", 1024}});
  test::write_json(folder / "config.json", {{"model_type", "gpt2"}});
}

TEST(LoadTokenizer, KnowsTheEndOfTextOfGpt2ThatNoFileNames) {
  for (const char* name : {"GPT2Tokenizer", "GPT2TokenizerFast", ""}) {
    const test::TempDir folder;
    write_gpt2_layout(folder);
    if (*name != '\0') {
      test::write_json(folder / "tokenizer_config.json", {{"tokenizer_class", name}});
    }
    const auto tokenizer = load_tokenizer(folder.path());
    EXPECT_EQ(tokenizer->special_ids().bos, 266) << name;
    EXPECT_EQ(tokenizer->special_ids().eos, 266) << name;
    EXPECT_EQ(tokenizer->special_ids().unk, 266) << name;
    EXPECT_EQ(tokenizer->special_ids().pad, std::nullopt) << name;
    EXPECT_EQ(tokenizer->decode(Ids{'h', 'i', 266}), "hi") << name;
    EXPECT_EQ(tokenizer->decode(Ids{'h', 'i', 266}, false), "hi<|endoftext|>") << name;
    EXPECT_THAT(tokenizer->encode("a<|endoftext|>", {.match_special = true}),
                ElementsAre('a', 266));
    EXPECT_THAT(tokenizer->encode("a<|endoftext|>"), Not(Contains(266)));
  }
}

TEST(LoadTokenizer, LetsFilesSpeakBeforeTheDefaultsOfGpt2) {
  const test::TempDir folder;
  write_gpt2_layout(folder);
  test::write_json(folder / "tokenizer_config.json",
                   {{"tokenizer_class", "GPT2Tokenizer"}, {"bos_token", nullptr}});
  test::write_json(folder / "special_tokens_map.json",
                   {{"eos_token", "<end>"}, {"unk_token", {{"content", "<end>"}}}});
  test::write_json(folder / "added_tokens.json", {{"<end>", 267}});
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->special_ids().bos, std::nullopt);
  EXPECT_EQ(tokenizer->special_ids().eos, 267);
  EXPECT_EQ(tokenizer->special_ids().unk, 267);
  EXPECT_FALSE(tokenizer->is_special(266)) << "nobody gave it a role";
}

TEST(LoadTokenizer, GivesTheRolesOfGpt2ToNobodyElse) {
  const test::TempDir folder;
  write_gpt2_layout(folder);
  test::write_json(folder / "tokenizer_config.json", {{"tokenizer_class", "Qwen2Tokenizer"}});
  EXPECT_EQ(load_tokenizer(folder.path())->special_ids().eos, std::nullopt);
  write_old_layout(folder, "");  // a vocabulary without the token
  test::write_json(folder / "tokenizer_config.json", {{"tokenizer_class", "GPT2Tokenizer"}});
  EXPECT_EQ(load_tokenizer(folder.path())->special_ids().eos, std::nullopt);
}

TEST(LoadTokenizer, ReadsBertVocabularies) {
  const test::TempDir folder;
  write_file(folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncaf\u00e9\ncafe\nA\n##s\n");
  const auto lower = load_tokenizer(folder.path());
  EXPECT_THAT(lower->encode("Caf\u00e9s [SEP]"), ElementsAre(2, 6, 8, 1, 1, 1, 3));
  EXPECT_THAT(lower->encode("[MASK]", {.match_special = true}), ElementsAre(2, 4, 3));
  EXPECT_EQ(lower->special_ids().mask, 4);
  test::write_json(folder / "tokenizer_config.json", {{"do_lower_case", false}});
  EXPECT_THAT(load_tokenizer(folder.path())->encode("A caf\u00e9", {.add_special = false}),
              ElementsAre(7, 5));
}

TEST(LoadTokenizer, KnowsAVocabularysFamilyFromTheModelsConfig) {
  const test::TempDir folder;
  write_old_layout(folder, "");
  std::filesystem::remove(folder / "tokenizer_config.json");
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("need a tokenizer_class")));
  test::write_json(folder / "config.json", {{"model_type", "qwen2_5_vl"}});
  EXPECT_THAT(load_tokenizer(folder.path())->encode("hello"), ElementsAre(259));
}

TEST(LoadTokenizer, SaysWhatIsMissingOrDamaged) {
  const test::TempDir folder;
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<Error>(HasSubstr("holds no tokenizer")));
  write_file(folder / "spiece.model", "x");
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("a SentencePiece model needs a tokenizer_class")));
  write_file(folder / "vocab.txt", "[UNK]\n\xFF\xFE\n");
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("vocab.txt:2: not UTF-8")));
  write_file(folder / "vocab.txt", "[UNK]\nword\n");
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("lacks the tokens that begin and end a text")));
}

TEST(LoadTokenizer, NamesTheLineOfABadMerge) {
  const test::TempDir folder;
  write_old_layout(folder, "#version: 0.2\n");
  const std::string merges = read_file(folder / "merges.txt");
  write_file(folder / "merges.txt", merges + "one two three\n");
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("merges.txt:12: a merge is two tokens")));
  write_file(folder / "merges.txt", merges + "h h\n");
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("the vocabulary has no \"hh\"")));
}

TEST(LoadTokenizer, RefusesDamagedSideFiles) {
  const test::TempDir folder;
  write_tiny(folder);
  write_file(folder / "tokenizer_config.json", "{\"eos_token\": ");
  EXPECT_THROW(load_tokenizer(folder.path()), DataError);
  test::write_json(folder / "tokenizer_config.json",
                   {{"added_tokens_decoder", {{"1e9", {{"content", "<x>"}}}}}});
  EXPECT_THAT([&] { load_tokenizer(folder.path()); },
              ThrowsMessage<DataError>(HasSubstr("\"1e9\" is no token id")));
  test::write_json(folder / "tokenizer_config.json", {{"eos_token", {{"content", 7}}}});
  EXPECT_EQ(load_tokenizer(folder.path())->special_ids().eos, std::nullopt);
}

TEST(Tokenizer, NeverReadsControlTokensInUserText) {
  const auto tokenizer = tiny_tokenizer();
  const std::int64_t end = tokenizer->need_token("<|im_end|>");
  for (const std::string& token : test::tiny_added()) {
    const std::string text = "a " + token + "<|im_end|>b";
    const Ids plain = tokenizer->encode(text);
    for (const std::int64_t id : plain) EXPECT_LT(id, 266) << token;
    EXPECT_EQ(tokenizer->decode(plain), text);
    const Ids matched = tokenizer->encode(text, {.match_special = true});
    EXPECT_EQ(std::count(matched.begin(), matched.end(), end), token == "<|im_end|>" ? 2 : 1);
    EXPECT_EQ(tokenizer->decode(matched, false), text);
  }
}

TEST(Tokenizer, DecodesIdsOutsideTheVocabularyToNothing) {
  const auto tokenizer = tiny_tokenizer();
  EXPECT_EQ(tokenizer->decode(Ids{'h', 100'000, 'i', -5, 152'063}), "hi");
}

TEST(Tokenizer, KeepsVisibleTheAddedTokensThatAreNotSpecial) {
  const auto tokenizer = tiny_tokenizer();
  const Ids ids = tokenizer->encode("<|im_start|>x<tool_call>", {.match_special = true});
  EXPECT_EQ(tokenizer->decode(ids), "x<tool_call>");
}

TEST(Tokenizer, SaysWhichTokenIsNotThere) {
  EXPECT_THAT([] { (void)tiny_tokenizer()->need_token("<|nope|>"); },
              ThrowsMessage<DataError>("the tokenizer has no token \"<|nope|>\""));
}

TEST(StreamDecoder, HoldsBytesBackUntilACharacterIsWhole) {
  const auto tokenizer = tiny_tokenizer();
  StreamDecoder stream(*tokenizer);
  EXPECT_EQ(stream.push(0xF0), "");
  EXPECT_EQ(stream.push(0x9F), "");
  EXPECT_EQ(stream.push(tokenizer->need_token("<|im_end|>")), "");
  EXPECT_EQ(stream.push(0x98), "");
  EXPECT_EQ(stream.push(0x82), "\U0001F602");
  EXPECT_EQ(stream.push(0xE6), "");
  EXPECT_EQ(stream.push('a'), "\uFFFDa");
  EXPECT_EQ(stream.push(0xC3), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamDecoder, GivesInPiecesWhatDecodeGivesAtOnce) {
  const auto tokenizer = tiny_tokenizer();
  RandomStream random(5, "stream");
  for (int round = 0; round < 500; ++round) {
    Ids ids;
    for (std::int64_t i = random.below(30); i >= 0; --i) ids.push_back(random.below(280));
    StreamDecoder stream(*tokenizer);
    std::string text;
    for (const std::int64_t id : ids) text += stream.push(id);
    text += stream.finish();
    ASSERT_EQ(text, tokenizer->decode(ids));
  }
}

}  // namespace
}  // namespace vragent::text
