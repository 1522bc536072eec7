// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/tiny_tokenizers.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/files.h"

namespace mini_world {
namespace {

namespace fs = std::filesystem;
namespace text = vragent::text;
using text::ChatTemplate;
using vragent::test::TempDir;

const std::vector<std::string> kTexts = {
    "this prank shows a red cat jumping at the beach .",
    "this review shows a blue dog singing in the kitchen .",
    "wow nobody expected this with a robot in the kitchen",
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "<think> likes the cat </think> <answer> Yes </answer>",
};

TrainedBpe trained(BpeFlavour flavour, std::int64_t vocab_size) {
  std::vector<std::string> texts = kTexts;
  texts.insert(texts.end(), kTexts.begin(), kTexts.end());
  return train_bpe(texts, flavour, vocab_size);
}

/// The same folder without tokenizer.json, so that the older files are read.
void drop_tokenizer_json(const TempDir& folder) {
  fs::remove(folder / "tokenizer.json");
}

TEST(WriteQwenTokenizer, GivesEveryTextBack) {
  const TempDir folder;
  const auto bpe = trained(BpeFlavour::kQwen2, 400);
  write_qwen_tokenizer(folder.path(), bpe, ChatTemplate::kQwen25);
  const auto tokenizer = text::load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->vocab_size(), static_cast<std::int64_t>(bpe.tokens.size()) + 8);
  for (const std::string& line : {kTexts[0], kTexts[4], std::string("\u6f22 \U0001F602\n\t ~")}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(line)), line);
  }
  EXPECT_LT(tokenizer->encode(kTexts[0]).size(), 20U);
  EXPECT_EQ(tokenizer->special_ids().eos, tokenizer->find_token("<|im_end|>"));
  EXPECT_EQ(tokenizer->special_ids().pad, tokenizer->find_token("<|endoftext|>"));
}

TEST(WriteQwenTokenizer, SaysTheSameInItsOlderFiles) {
  const TempDir folder;
  write_qwen_tokenizer(folder.path(), trained(BpeFlavour::kQwen2, 400), ChatTemplate::kQwen25);
  const auto whole = text::load_tokenizer(folder.path());
  drop_tokenizer_json(folder);
  const auto older = text::load_tokenizer(folder.path());
  EXPECT_EQ(older->vocab_size(), whole->vocab_size());
  for (const std::string& line : kTexts) {
    EXPECT_EQ(older->encode(line), whole->encode(line));
  }
}

TEST(WriteQwenTokenizer, WritesATemplateThatIsRecognised) {
  for (const auto kind : {ChatTemplate::kQwen25, ChatTemplate::kQwen25Vl}) {
    const TempDir folder;
    write_qwen_tokenizer(folder.path(), trained(BpeFlavour::kQwen2, 300), kind);
    testing::internal::CaptureStderr();
    EXPECT_EQ(text::detect_chat_template(folder.path()), kind);
    fs::remove(folder / "chat_template.jinja");
    EXPECT_EQ(text::detect_chat_template(folder.path()), kind);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");  // known, not guessed
  }
}

TEST(WriteClipTokenizer, EndsEveryTextWithItsLargestId) {
  const TempDir folder;
  const auto bpe = trained(BpeFlavour::kClip, 600);
  write_clip_tokenizer(folder.path(), bpe, 24);
  const auto tokenizer = text::load_tokenizer(folder.path());
  const auto ids = tokenizer->encode("A red CAT jumping", {.max_length = 24});
  EXPECT_EQ(ids.front(), tokenizer->vocab_size() - 2);
  EXPECT_EQ(ids.back(), tokenizer->vocab_size() - 1);
  EXPECT_EQ(tokenizer->decode(ids), "a red cat jumping");
  drop_tokenizer_json(folder);
  const auto older = text::load_tokenizer(folder.path());
  EXPECT_EQ(older->encode("A red CAT jumping"), ids);
  EXPECT_EQ(older->encode("a<|endoftext|>b"), tokenizer->encode("a<|endoftext|>b"));
}

TEST(WriteBertTokenizer, KnowsWordsAndSpellsTheRest) {
  const TempDir folder;
  write_bert_tokenizer(folder.path(), kTexts, 400, 80);
  const auto tokenizer = text::load_tokenizer(folder.path());
  const auto ids = tokenizer->encode("This CAT zigzags.");
  ASSERT_EQ(ids.size(), 12U);  // [CLS] this cat z ##i ##g ##z ##a ##g ##s . [SEP]
  EXPECT_EQ(ids.front(), tokenizer->special_ids().cls);
  EXPECT_EQ(ids[2], tokenizer->find_token("cat"));
  EXPECT_EQ(ids[4], tokenizer->find_token("##i"));
  EXPECT_EQ(tokenizer->decode(ids), "this cat zigzags.");
  drop_tokenizer_json(folder);
  EXPECT_EQ(text::load_tokenizer(folder.path())->encode("This CAT zigzags."), ids);
}

TEST(WriteBertTokenizer, KeepsCharactersWhenWordsDoNotFit) {
  const TempDir folder;
  write_bert_tokenizer(folder.path(), kTexts, 1, 80);
  const auto tokenizer = text::load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->find_token("cat"), std::nullopt);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("cat")), "cat");
}

TEST(WriteTokenizers, RefuseTheOtherFlavour) {
  const TempDir folder;
  EXPECT_THROW(write_clip_tokenizer(folder.path(), {}, 24), std::logic_error);
  EXPECT_THROW(write_qwen_tokenizer(folder.path(), {}, ChatTemplate::kSmolLm2), std::logic_error);
}

TEST(WriteTokenizers, GiveTheSameBytesEachTime) {
  const TempDir first;
  const TempDir second;
  for (const TempDir* folder : {&first, &second}) {
    write_qwen_tokenizer(folder->path(), trained(BpeFlavour::kQwen2, 350), ChatTemplate::kQwen25);
  }
  for (const auto& entry : fs::directory_iterator(first.path())) {
    EXPECT_EQ(vragent::read_file(entry.path()),
              vragent::read_file(second / entry.path().filename().string()));
  }
}

}  // namespace
}  // namespace mini_world
