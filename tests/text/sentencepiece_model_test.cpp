// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "text/sentencepiece_model.h"

#include <bit>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "text/tiny_tokenizer.h"
#include "vragent/util/error.h"
#include "words/tiny_charsmap.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// A field of a protocol buffer with a size in front of it.
std::string sized(int number, const std::string& bytes) {
  std::string field(1, static_cast<char>(number << 3 | 2));
  std::size_t size = bytes.size();
  for (; size >= 0x80; size >>= 7U) field += static_cast<char>(size | 0x80U);
  return field + static_cast<char>(size) + bytes;
}

std::string number(int field, int value) {
  return {static_cast<char>(field << 3), static_cast<char>(value)};
}

std::string piece(const std::string& text, float score, int kind) {
  const std::string bits = test::little_endian(std::bit_cast<std::uint32_t>(score));
  return sized(1, sized(1, text) + "\x15" + bits + number(3, kind));
}

std::string end_of_file(int algorithm) {
  const std::string charsmap = test::charsmap_blob({{"\u00b2", "2"}});
  return sized(2, number(3, algorithm)) + sized(3, sized(1, "tiny") + sized(2, charsmap));
}

std::string xlmr_file(int algorithm = 1) {
  return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("\u2581a", -1, 1) +
         piece("2", -2, 1) + piece("<ctx>", 0, 4) + end_of_file(algorithm);
}

std::string t5_file() {
  return piece("<pad>", 0, 3) + piece("</s>", 0, 3) + piece("<unk>", 0, 2) +
         piece("\u2581a", -1.5, 1) + end_of_file(1);
}

std::unique_ptr<Tokenizer> load(const std::string& file, const std::string& tokenizer_class) {
  const test::TempDir folder;
  write_file(folder / "spiece.model", file);
  test::write_json(folder / "tokenizer_config.json", {{"tokenizer_class", tokenizer_class}});
  return load_tokenizer(folder.path());
}

TEST(SentencePieceModel, IsReadFieldByField) {
  const test::TempDir folder;
  write_file(folder / "m.model", t5_file());
  const SentencePieceModel model = read_sentencepiece_model(folder / "m.model");
  ASSERT_EQ(model.pieces.size(), 4U);
  EXPECT_EQ(model.pieces[0].kind, PieceKind::kControl);
  EXPECT_EQ(model.pieces[3].text, "\u2581a");
  EXPECT_EQ(model.pieces[3].score, -1.5);
  EXPECT_EQ(model.algorithm, 1);
  EXPECT_FALSE(model.charsmap.empty());
}

TEST(SentencePieceModel, GivesXlmRobertasIds) {
  const auto tokenizer = load(xlmr_file(), "XLMRobertaTokenizer");
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_THAT(tokenizer->encode("a\u00b2 a"), ElementsAre(0, 4, 5, 4, 2));
  EXPECT_THAT(tokenizer->encode("a</s>?", {.add_special = false}), ElementsAre(4, 3));
  EXPECT_THAT(tokenizer->encode("<mask><ctx>", {.match_special = true}), ElementsAre(0, 7, 6, 2));
  EXPECT_EQ(tokenizer->special_ids().pad, 1);
  EXPECT_EQ(tokenizer->decode(std::vector<std::int64_t>{0, 4, 5, 4, 2}), "a2 a");
  EXPECT_FALSE(tokenizer->is_special(6));  // <ctx> is a user's symbol
}

TEST(SentencePieceModel, GivesT5sIds) {
  const auto tokenizer = load(t5_file(), "T5TokenizerFast");
  EXPECT_EQ(tokenizer->vocab_size(), 104);
  EXPECT_EQ(tokenizer->find_token("<extra_id_0>"), 103);
  EXPECT_THAT(tokenizer->encode("a b"), ElementsAre(3, 2, 1));
  EXPECT_THAT(tokenizer->encode("a<extra_id_99>", {.match_special = true}), ElementsAre(3, 4, 1));
}

TEST(SentencePieceModel, IsRefusedWhenItsKindIsUnknown) {
  EXPECT_THAT([] { load(xlmr_file(2), "XLMRobertaTokenizer"); },
              ThrowsMessage<DataError>(HasSubstr("algorithm 2 is not supported")));
  EXPECT_THAT([] { load(t5_file(), "BarthezTokenizer"); },
              ThrowsMessage<DataError>(HasSubstr("got \"barthez\"")));
  EXPECT_THAT([] { load(piece("</s>", 0, 3) + piece("a", 0, 1), "T5Tokenizer"); },
              ThrowsMessage<DataError>(HasSubstr("unk_id")));
}

TEST(SentencePieceModel, IsRefusedWhenItIsDamaged) {
  const std::string whole = xlmr_file();
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); size += size < 150 ? 1 : 97) {
    try {
      load(whole.substr(0, size), "XLMRobertaTokenizer");  // may end between two fields
      ++accepted;
    } catch (const DataError&) {
      continue;
    }
  }
  EXPECT_LT(accepted, 8U);  // there are eight fields
  for (const std::string& garbage : {std::string("\xFF\xFF"),
                                     std::string("PK\x03\x04"),
                                     std::string(20, '\xFF'),
                                     piece("\xFF", 0, 1)}) {
    EXPECT_THROW(load(garbage, "T5Tokenizer"), DataError);
  }
}

}  // namespace
}  // namespace vragent::text
