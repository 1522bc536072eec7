// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/tokenizer_json.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "text/tiny_tokenizer.h"
#include "vragent/util/error.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Reads the tiny tokenizer.json after a change.
TokenizerDescription read_changed(const std::function<void(Json&)>& change) {
  const test::TempDir folder;
  Json root = test::tiny_tokenizer_json();
  change(root);
  test::write_json(folder / "tokenizer.json", root);
  return read_tokenizer_json(folder / "tokenizer.json");
}

std::string error_of(const std::function<void(Json&)>& change) {
  try {
    read_changed(change);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TokenizerJson, ReadsAddedTokensWithTheirFlags) {
  const auto description =
      read_changed([](Json& root) { root["added_tokens"][0]["lstrip"] = true; });
  ASSERT_EQ(description.parts.added.size(), 7U);
  EXPECT_TRUE(description.parts.added[0].lstrip);
  EXPECT_EQ(description.parts.added[0].content, "<|endoftext|>");
  EXPECT_FALSE(description.parts.added[6].special);
}

TEST(TokenizerJson, ReadsBothSpellingsOfMerges) {
  const auto pairs = read_changed([](Json&) {});
  const auto lines = read_changed([](Json& root) { root = test::tiny_tokenizer_json(false); });
  EXPECT_EQ(std::get<BpeModel>(pairs.model).merges, test::tiny_merges());
  EXPECT_EQ(std::get<BpeModel>(lines.model).merges, test::tiny_merges());
}

TEST(TokenizerJson, ReadsFramesOfAllKinds) {
  const auto roberta = read_changed([](Json& root) {
    root["post_processor"] = {
        {"type", "RobertaProcessing"}, {"cls", {"<s>", 7}}, {"sep", {"</s>", 8}}};
  });
  EXPECT_THAT(roberta.parts.prefix, ElementsAre(7));
  EXPECT_THAT(roberta.parts.suffix, ElementsAre(8));
  const auto sequence = read_changed([](Json& root) {
    const Json single = Json::array({{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                                     {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}});
    const Json frame = {{"type", "TemplateProcessing"},
                        {"single", single},
                        {"special_tokens", {{"<s>", {{"ids", {3}}}}}}};
    root["post_processor"] = {{"type", "Sequence"},
                              {"processors", Json::array({{{"type", "ByteLevel"}}, frame})}};
  });
  EXPECT_THAT(sequence.parts.prefix, ElementsAre(3));
  EXPECT_TRUE(sequence.parts.suffix.empty());
}

TEST(TokenizerJson, TakesAnOlderFilesModelByItsMembers) {
  const auto description = read_changed([](Json& root) { root["model"].erase("type"); });
  EXPECT_TRUE(std::holds_alternative<BpeModel>(description.model));
}

TEST(TokenizerJson, ReadsUnigramWithMarksForSpaces) {
  const auto unigram = [](Json& root) {
    const Json vocab = Json::array({Json::array({"a", -1.25}), Json::array({"u", 0})});
    root["model"] = {{"type", "Unigram"}, {"unk_id", 1}, {"vocab", vocab}};
    root["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", "x"}};
    root["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}};
    root["decoder"] = root["pre_tokenizer"];
  };
  const auto description = read_changed(unigram);
  const auto& model = std::get<UnigramModel>(description.model);
  EXPECT_THAT(model.vocab, ElementsAre(std::pair("a", -1.25), std::pair("u", 0.0)));
  EXPECT_EQ(model.unk_id, 1);
  const auto& metaspace = std::get<words::Metaspace>(description.parts.splits.at(0));
  EXPECT_EQ(metaspace.prepend, words::Metaspace::Prepend::kFirst);
  EXPECT_TRUE(metaspace.split);
  EXPECT_EQ(description.parts.marks->mark, "_");
  EXPECT_EQ(description.parts.marks->first, words::SpaceMarks::First::kDropAll);
  EXPECT_THAT(error_of([&](Json& root) {
                unigram(root);
                root["model"]["unk_id"] = nullptr;
              }),
              HasSubstr("Unigram without unk_id"));
  EXPECT_THAT(error_of([&](Json& root) {
                unigram(root);
                root["model"]["vocab"] = Json::array({"a"});
              }),
              HasSubstr("[piece, score] is wanted"));
}

TEST(TokenizerJson, ReadsBpeOfCharactersThatFallsBackToBytes) {
  const auto description = read_changed([](Json& root) {
    root["model"]["byte_fallback"] = true;
    root["pre_tokenizer"] = nullptr;
    const Json replace = {{"type", "Replace"}, {"pattern", {{"String", "_"}}}, {"content", " "}};
    const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
    root["decoder"] = {
        {"type", "Sequence"},
        {"decoders",
         Json::array({replace, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}, strip})}};
  });
  const auto& model = std::get<BpeModel>(description.model);
  EXPECT_TRUE(model.byte_fallback);
  EXPECT_FALSE(model.byte_level);
  EXPECT_TRUE(description.parts.marks->byte_tokens);
  EXPECT_EQ(description.parts.marks->first, words::SpaceMarks::First::kDropOne);
}

TEST(TokenizerJson, LetsBertStripAccentsAsItLowersTheCase) {
  const auto bert_step = [](const Json& fields) {
    return read_changed([&](Json& root) {
      root["normalizer"] = {{"type", "BertNormalizer"}};
      root["normalizer"].update(fields);
    });
  };
  const auto step = [](const TokenizerDescription& description) {
    return std::get<words::BertNormalization>(description.parts.normalizer.at(0));
  };
  EXPECT_TRUE(step(bert_step({{"lowercase", true}, {"strip_accents", nullptr}})).strip_accents);
  EXPECT_FALSE(step(bert_step({{"lowercase", false}, {"strip_accents", nullptr}})).strip_accents);
  EXPECT_TRUE(step(bert_step({{"lowercase", false}, {"strip_accents", true}})).strip_accents);
}

struct Refusal {
  const char* where;  ///< JSON pointer of what is replaced
  const char* value;
  const char* message;
};

class TokenizerJsonRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(TokenizerJsonRefuses, UnknownComponentsByName) {
  const std::string error = error_of([](Json& root) {
    root[Json::json_pointer(GetParam().where)] = Json::parse(GetParam().value);
  });
  EXPECT_THAT(error, HasSubstr("tokenizer.json"));
  EXPECT_THAT(error, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Components,
    TokenizerJsonRefuses,
    testing::Values(
        Refusal{"/model/type", R"("WordLevel")", "model: WordLevel is not supported"},
        Refusal{"/model/type", R"("Unigram")", "Unigram behind a ByteLevel"},
        Refusal{"/model/type", R"("WordPiece")", "WordPiece behind a ByteLevel"},
        Refusal{"/model/dropout", "0.1", "dropout is not supported"},
        Refusal{"/model/continuing_subword_prefix", R"("##")", "continuing_subword_prefix"},
        Refusal{"/normalizer", R"({"type": "Nmt"})", "normalizer: Nmt is not"},
        Refusal{"/normalizer",
                R"({"type": "Precompiled", "precompiled_charsmap": "AA"})",
                "is not base64"},
        Refusal{"/normalizer",
                R"({"type": "Precompiled", "precompiled_charsmap": "AAAA"})",
                "cut off or damaged"},
        Refusal{"/normalizer",
                R"({"type": "Replace", "pattern": {"Regex": "x{2}"}, "content": ""})",
                "regular expression x{2}"},
        Refusal{"/pre_tokenizer/pretokenizers/0/pattern/Regex", R"("\\w+|\\s")", R"(\w+|\s)"},
        Refusal{"/pre_tokenizer/pretokenizers/0/behavior", R"("MergedWithNext")", "MergedWithNext"},
        Refusal{"/pre_tokenizer/pretokenizers/1/type", R"("CharDelimiterSplit")", "CharDelimiter"},
        Refusal{"/pre_tokenizer/pretokenizers/2", R"({"type": "ByteLevel"})", "behind ByteLevel"},
        Refusal{"/pre_tokenizer",
                R"({"type": "Punctuation", "behavior": "Contiguous"})",
                "Punctuation with behavior Contiguous"},
        Refusal{"/pre_tokenizer",
                R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "twice"})",
                "prepend_scheme twice"},
        Refusal{"/pre_tokenizer/pretokenizers/1/add_prefix_space", "true", "add_prefix_space"},
        Refusal{"/pre_tokenizer", "null", "decoder: ByteLevel"},  // of characters, not bytes
        Refusal{"/post_processor", R"({"type": "Magic"})", "post_processor: Magic"},
        Refusal{"/decoder/type", R"("Fuse")", "decoder: Fuse"}));

INSTANTIATE_TEST_SUITE_P(
    WrongTypes,
    TokenizerJsonRefuses,
    testing::Values(Refusal{"/model/vocab", "[]", "\"vocab\": an object is wanted"},
                    Refusal{"/model/vocab/a", R"("x")", "a whole number is wanted"},
                    Refusal{"/model/vocab/a", "1.5", "a whole number is wanted"},
                    Refusal{"/model/merges", R"([["a"]])", "pairs of tokens are wanted"},
                    Refusal{"/model/merges", R"(["a"])", "two tokens are wanted"},
                    Refusal{"/model", "null", "\"model\": missing"},
                    Refusal{"/normalizer", R"("NFC")", "an object is wanted"},
                    Refusal{"/added_tokens/0", "{}", "\"id\": missing"},
                    Refusal{"/added_tokens/0", "[1]", "\"id\": missing"},
                    Refusal{"/added_tokens", "3", "a list is wanted"}));

TEST(TokenizerJson, RefusesSequencesNestedWithoutEnd) {
  const std::string error = error_of([](Json& root) {
    for (int depth = 0; depth < 1000; ++depth) {
      root["normalizer"] = {{"type", "Sequence"},
                            {"normalizers", Json::array({root["normalizer"]})}};
    }
  });
  EXPECT_THAT(error, HasSubstr("nested"));
}

TEST(TokenizerJson, RefusesEveryTruncationAndGarbage) {
  const test::TempDir folder;
  const std::string whole = dump_json(test::tiny_tokenizer_json());
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 50) {
    write_file(folder / "tokenizer.json", whole.substr(0, size));
    EXPECT_THROW(read_tokenizer_json(folder / "tokenizer.json"), DataError) << size;
  }
  for (const char* garbage : {"[]", "null", "\x00\xFF\x13", "{\"a\": \xFF}", "PK\x03\x04"}) {
    write_file(folder / "tokenizer.json", garbage);
    EXPECT_THROW(read_tokenizer_json(folder / "tokenizer.json"), DataError) << garbage;
  }
}

}  // namespace
}  // namespace vragent::text
