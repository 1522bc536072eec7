// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The published vocabularies of Qwen2.5, CLIP and BERT, with ids that others computed. They are
// shared test data, so these tests skip themselves where it is absent.
#include <algorithm>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "support/temp_dir.h"
#include "vragent/text/chat_template.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/text.h"
#include "vragent/words/byte_symbols.h"
#include "vragent/words/unicode.h"

namespace vragent::text {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

using Ids = std::vector<std::int64_t>;

constexpr EncodeOptions kBare{.add_special = false};

Ids joined(std::initializer_list<Ids> parts) {
  Ids all;
  for (const Ids& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

class PublishedVocab : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::shared_data("data/tokenizers")) GTEST_SKIP() << "no shared test data";
  }

  static std::filesystem::path shared(const std::string& name) {
    return *test::shared_data("data/" + name);
  }

  static const Tokenizer& qwen() {
    static const auto kTokenizer = load_tokenizer(shared("tokenizers/qwen2.5"));
    return *kTokenizer;
  }

  static const Tokenizer& bert() {
    static const auto kTokenizer = load_tokenizer(shared("tokenizers/bert-base-uncased"));
    return *kTokenizer;
  }

  /// A folder made from OpenAI's file: 256 bytes, the same with a word's end, the merges, two more.
  static std::unique_ptr<Tokenizer> clip() {
    const test::TempDir folder;
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte)
      tokens.push_back(words::byte_symbol(static_cast<std::uint8_t>(byte)));
    // The file's order: printable bytes first.
    std::stable_partition(tokens.begin(), tokens.end(), [](const std::string& symbol) {
      return words::bytes_of_symbols(symbol)->size() == 1 && symbol < "\u0100";
    });
    for (int i = 0; i < 256; ++i) tokens.push_back(tokens[static_cast<std::size_t>(i)] + "</w>");
    std::string merges;
    LineReader reader(shared("tokenizers/clip/bpe_simple_vocab_16e6.txt.gz"));
    std::string line;
    reader.next(line);
    while (reader.next(line) && reader.line_number() <= 48895) {
      merges += line + "\n";
      line.erase(line.find(' '), 1);
      tokens.push_back(line);
    }
    tokens.insert(tokens.end(), {"<|startoftext|>", "<|endoftext|>"});
    Json vocab = Json::object();
    for (std::size_t id = 0; id < tokens.size(); ++id) vocab[tokens[id]] = id;
    write_file(folder / "vocab.json", dump_json(vocab));
    write_file(folder / "merges.txt", merges);
    write_file(folder / "tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer"})");
    return load_tokenizer(folder.path());
  }

  static std::vector<std::string> titles() {
    std::vector<std::string> titles;
    for_each_line(shared("microlens-50k/MicroLens-50k_titles.csv"),
                  [&](const std::string& row, const std::string& where) {
                    titles.push_back(split_csv(row, where).at(1));
                  });
    return titles;
  }

  /// The cases of llama.cpp's vector files: a text and its ids.
  static std::vector<std::pair<std::string, Ids>> vectors(const std::string& name) {
    std::string texts = read_file(shared("tokenizers/vectors/" + name + ".inp"));
    std::vector<std::pair<std::string, Ids>> cases;
    LineReader outputs(shared("tokenizers/vectors/" + name + ".out"));
    constexpr std::string_view kBetween = "\n__ggml_vocab_test__\n";
    for (bool more = true; more;) {
      const auto end = texts.find(kBetween);
      std::string line;  // the last text is empty and so are its ids: the file has no line for it
      outputs.next(line);
      std::istringstream numbers(line);
      cases.emplace_back(texts.substr(0, end),
                         Ids(std::istream_iterator<std::int64_t>(numbers), {}));
      more = end != texts.npos;
      if (more) texts.erase(0, end + kBetween.size());
    }
    return cases;
  }
};

TEST_F(PublishedVocab, QwenAgreesWithLlamaCppOnAllVectors) {
  const auto cases = vectors("qwen2");
  EXPECT_EQ(cases.size(), 47U);
  for (const auto& [text, ids] : cases) EXPECT_EQ(qwen().encode(text), ids) << text;
}

TEST_F(PublishedVocab, BertAgreesWithLlamaCppOnAllVectors) {
  const auto cases = vectors("bert-bge");
  EXPECT_EQ(cases.size(), 47U);
  for (const auto& [text, ids] : cases) EXPECT_EQ(bert().encode(text, kBare), ids) << text;
}

TEST_F(PublishedVocab, QwenComposesAccents) {
  EXPECT_THAT(qwen().encode("Cafe\u0301"), ElementsAre(34, 2577, 963));
}

TEST_F(PublishedVocab, QwenHasItsPublishedSpecialTokens) {
  EXPECT_EQ(qwen().vocab_size(), 151665);
  EXPECT_EQ(qwen().special_ids().eos, 151645);
  EXPECT_EQ(qwen().special_ids().pad, 151643);
  EXPECT_EQ(qwen().find_token("<|image_pad|>"), 151655);
  EXPECT_TRUE(qwen().is_special(151656));
  EXPECT_FALSE(qwen().is_special(151657));
  EXPECT_EQ(qwen().decode(Ids{40, 151657, 151665, 152063, 151645}), "I<tool_call>");
}

TEST_F(PublishedVocab, QwenCutsTagsIntoOrdinaryTokens) {
  EXPECT_THAT(qwen().encode("<think>"), ElementsAre(13708, 766, 29));
  EXPECT_THAT(qwen().encode("</answer>"), ElementsAre(522, 9217, 29));
}

TEST_F(PublishedVocab, QwenChatsHaveTheirPublishedIds) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(detect_chat_template(shared("tokenizers/qwen2.5")), ChatTemplate::kQwen25);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  const Ids introduction = {
      2610, 525, 1207, 16948, 11, 3465, 553, 54364, 14817, 13, 1446, 525, 264, 10950, 17847, 13};
  const std::vector<TemplateMessage> messages = {{"user", "Hello world"}};
  EXPECT_EQ(encode_chat(qwen(), ChatTemplate::kQwen25, messages),
            joined({{151644, 8948, 198},
                    introduction,
                    {151645, 198, 151644, 872, 198, 9707, 1879, 151645, 198, 151644, 77091, 198}}));
}

TEST_F(PublishedVocab, QwenVlChatsHaveTheirPublishedIds) {
  const std::vector<TemplateMessage> messages = {{"user", "", 1}};
  EXPECT_THAT(encode_chat(qwen(), ChatTemplate::kQwen25Vl, messages, "", false),
              ElementsAreArray({151644,
                                8948,
                                198,
                                2610,
                                525,
                                264,
                                10950,
                                17847,
                                13,
                                151645,
                                198,
                                151644,
                                872,
                                198,
                                151652,
                                151655,
                                151653,
                                151645,
                                198}));
}

TEST_F(PublishedVocab, ClipHasItsPublishedIds) {
  const auto tokenizer = clip();
  EXPECT_EQ(tokenizer->vocab_size(), 49408);
  EXPECT_THAT(tokenizer->encode("hello  World\n"), ElementsAre(49406, 3306, 1002, 49407));
  EXPECT_THAT(tokenizer->encode("a photo of a cat", kBare), ElementsAre(320, 1125, 539, 320, 2368));
  EXPECT_THAT(tokenizer->encode("It's 2024!!!", kBare),
              ElementsAre(585, 568, 273, 271, 273, 275, 995));
  EXPECT_THAT(tokenizer->encode("\U0001F602\U0001F602"), ElementsAre(49406, 4112, 49407));
  EXPECT_EQ(tokenizer->special_ids().pad, 49407);
}

TEST_F(PublishedVocab, ClipKeepsItsEndOfTextWhenItCuts) {
  const auto tokenizer = clip();
  std::string title;
  for (int i = 0; i < 100; ++i) title += "cat ";
  const Ids ids = tokenizer->encode(title, {.max_length = 77});
  EXPECT_EQ(ids.size(), 77U);
  EXPECT_EQ(std::max_element(ids.begin(), ids.end()) - ids.begin(), 76);
}

TEST_F(PublishedVocab, BertFramesAndDecodes) {
  const Ids ids = bert().encode("Hello, World!");
  EXPECT_THAT(ids, ElementsAre(101, 7592, 1010, 2088, 999, 102));
  EXPECT_EQ(bert().decode(ids), "hello, world!");
}

TEST_F(PublishedVocab, QwenGivesNaughtyStringsAndTitlesBack) {
  std::vector<std::string> texts = titles();
  for (const Json& text : parse_json(read_file(shared("dirty/blns.json")), "blns")) {
    texts.push_back(text.get<std::string>());
  }
  ASSERT_GT(texts.size(), 19'000U);
  for (const std::string& text : texts) {
    // Composition is the one change that a text may see.
    const std::string composed = qwen().decode(qwen().encode(text));
    ASSERT_EQ(qwen().encode(composed), qwen().encode(text));
    StreamDecoder stream(qwen());
    std::string streamed;
    for (const std::int64_t id : qwen().encode(text)) streamed += stream.push(id);
    ASSERT_EQ(streamed + stream.finish(), words::normal_form(text, words::NormalForm::kNfc));
  }
}

TEST_F(PublishedVocab, ClipAndBertReadEveryTitle) {
  const auto tokenizer = clip();
  for (const std::string& title : titles()) {
    const Ids ids = tokenizer->encode(title, {.max_length = 77});
    ASSERT_LE(ids.size(), 77U);
    ASSERT_EQ(ids.back(), 49407);
    ASSERT_EQ(bert().encode(title, {.max_length = 32}).back(), 102);
  }
}

}  // namespace
}  // namespace vragent::text
