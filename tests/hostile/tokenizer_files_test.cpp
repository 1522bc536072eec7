// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Tokenizer files that are cut, or whose bytes are wrong: refused with the file's name, or read as
// what they say; never a crash, an endless read or a hang.
#include <ctime>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/refusal_time.h"
#include "support/temp_dir.h"
#include "text/tiny_tokenizer.h"
#include "vragent/text/chat_template.h"
#include "vragent/text/tokenizer.h"
#include "vragent/util/error.h"
#include "vragent/util/random.h"

namespace vragent::text {
namespace {

namespace fs = std::filesystem;
using test::TempDir;

/// Folders of each layout that a tokenizer comes in.
class HostileTokenizerFiles : public ::testing::TestWithParam<const char*> {
 protected:
  HostileTokenizerFiles() {
    const Json root = test::tiny_tokenizer_json(false);
    const std::string file = GetParam();
    if (file == "tokenizer.json") write_file(path_ / file, root.dump());
    if (file == "vocab.json" || file == "merges.txt") {
      write_file(path_ / "vocab.json", root["model"]["vocab"].dump());
      std::string merges = "#version: 0.2\n";
      for (const Json& merge : root["model"]["merges"]) merges += merge.get<std::string>() + "\n";
      write_file(path_ / "merges.txt", merges);
      write_config("Qwen2Tokenizer");
    }
    if (file == "vocab.txt") {
      write_file(path_ / file, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nwor\n##ld\né\n中\n");
      write_config("BertTokenizer");
    }
    whole_ = read_file(path_ / file);
  }

  void write_config(const char* tokenizer_class) {
    test::write_json(path_ / "tokenizer_config.json",
                     {{"tokenizer_class", tokenizer_class}, {"eos_token", "hello"}});
  }

  /// Loads and uses what is there. @return whether it was refused, in a line that names the folder
  bool refused(const std::string& bytes) {
    write_file_unsynced(path_ / GetParam(), bytes);
    return refused_as_it_is();
  }

  bool refused_as_it_is() {
    const std::clock_t start = std::clock();
    bool was_refused = false;
    try {
      const auto tokenizer = load_tokenizer(path_.path());
      const auto ids = tokenizer->encode("hello wor\u00e9ld 中 \xF0\x9F\x98\x82 <|im_end|>");
      EXPECT_LT(tokenizer->decode(ids).size(), 10'000U);
    } catch (const Error& error) {
      was_refused = true;
      EXPECT_TRUE(error.code() == ExitCode::kBadData || error.code() == ExitCode::kNoInput);
      EXPECT_NE(std::string(error.what()).find(path_.path().string()), std::string::npos)
          << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
    EXPECT_LE(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, test::kLongestRefusal);
    return was_refused;
  }

  TempDir path_;
  std::string whole_;
};

TEST_P(HostileTokenizerFiles, CutAnywhereAreRefusedOrReadAsWhatIsLeft) {
  ASSERT_FALSE(refused(whole_));
  const bool is_json = std::string(GetParam()).ends_with(".json");
  const std::size_t step = whole_.size() > 1500 ? 13 : 1;
  for (std::size_t size = 0; size < whole_.size(); size += step) {
    const bool was_refused = refused(whole_.substr(0, size));
    EXPECT_TRUE(was_refused || !is_json) << size << " bytes of JSON were accepted";
  }
}

TEST_P(HostileTokenizerFiles, WithRandomBytesNeverCrash) {
  RandomStream random(7, GetParam());
  int refusals = 0;
  for (int round = 0; round < 400; ++round) {
    std::string bytes = whole_;
    const std::int64_t changes = 1 + random.below(4);
    for (std::int64_t i = 0; i < changes; ++i) {
      const auto place = static_cast<std::size_t>(random.below(std::ssize(bytes)));
      bytes[place] = static_cast<char>(random.below(256));
    }
    refusals += refused(bytes) ? 1 : 0;
  }
  EXPECT_GT(refusals, 10);
}

TEST_P(HostileTokenizerFiles, ThatAreNoFilesOrTooLargeAreRefusedUnread) {
  const fs::path file = path_ / GetParam();
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_TRUE(refused_as_it_is()) << "a pipe";
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_TRUE(refused_as_it_is()) << "a folder";
  fs::remove(file);
  write_file(file, whole_);
  fs::resize_file(file, std::uintmax_t{1} << 36U);  // sparse
  EXPECT_TRUE(refused_as_it_is()) << "64 GiB of zeros";
  write_file(file, std::string(100'000, '['));
  EXPECT_TRUE(refused_as_it_is()) << "a deep nest";
}

INSTANTIATE_TEST_SUITE_P(
    Layouts,
    HostileTokenizerFiles,
    ::testing::Values("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt"),
    [](const auto& instance) {
      std::string name = instance.param;
      name[name.find('.')] = '_';
      return name;
    });

TEST(HostileChatTemplate, ThatIsNoFileIsNotWaitedFor) {
  const TempDir folder;
  ASSERT_EQ(::mkfifo((folder / "chat_template.jinja").c_str(), 0600), 0);
  EXPECT_THROW(detect_chat_template(folder.path()), DataError);
}

}  // namespace
}  // namespace vragent::text
