// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/corpus.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mini_world/chats.h"
#include "mini_world/files_of.h"
#include "mini_world/wording.h"
#include "support/temp_dir.h"
#include "vragent/data/cases.h"
#include "vragent/data/formats/interaction_reader.h"
#include "vragent/media/image.h"
#include "vragent/perception/caption_prompts.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace mini_world {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using vragent::Json;
using vragent::RandomStream;
using vragent::test::TempDir;

/// A prank of a red cat jumping at the beach, with a blue boat sleeping in the snow.
const GenericVideo kVideo = {
    .folder = "frames/00007", .own = {{0, 0, 0, 0, 1}}, .b_roll = {{4, 3, 3, 4, 1}}};

CorpusConfig tiny(const TempDir& folder, std::int64_t jobs = 2) {
  CorpusConfig config = {.out = folder.path()};
  config.world = {.profile = "smoke", .seed = 5, .items = 30};
  config.videos = 12;
  config.people = 9;
  config.jobs = jobs;
  return config;
}

std::vector<Json> rows_of(const std::filesystem::path& path) {
  std::vector<Json> rows;
  vragent::for_each_line(path, [&](const auto& line, const auto& where) {
    rows.push_back(vragent::parse_json_object(line, where));
  });
  return rows;
}

/// Images of a chat's first turn.
std::vector<std::string> images_of(const Json& chat) {
  std::vector<std::string> images;
  for (const Json& part : chat["messages"][0]["content"]) {
    if (part["type"] == "image") images.push_back(part["image"]);
  }
  return images;
}

std::string prompt_of(const Json& chat, std::size_t turn = 0) {
  return chat["messages"][turn]["content"].back()["text"];
}

TEST(Corpus, IsTheSameBytesEveryTimeWhateverTheNumberOfJobs) {
  const TempDir first;
  const TempDir second;
  make_corpus(tiny(first, 1));
  make_corpus(tiny(second, 3));
  const auto files = files_of(first.path());
  EXPECT_EQ(files.size(), 7U + 12U * 8U);
  EXPECT_TRUE(files == files_of(second.path()));
}

TEST(Corpus, NamesFramesThatAreThere) {
  const TempDir folder;
  const CorpusCounts counts = make_corpus(tiny(folder));
  EXPECT_EQ(counts.frames, 96);
  const auto pairs = rows_of(folder / "clip_pairs.jsonl");
  EXPECT_EQ(static_cast<std::int64_t>(pairs.size()), counts.clip_pairs);
  std::set<std::string> images;
  for (const Json& pair : pairs) images.insert(pair["image"].get<std::string>());
  EXPECT_EQ(images.size(), 12U * 5U) << "every frame on topic once";
  const auto image = vragent::media::read_image(folder.path() / *images.begin());
  EXPECT_EQ(image.width, 112);
  for (const char* name : {"vlm_stage1.jsonl", "vlm_stage2.jsonl"}) {
    for (const Json& chat : rows_of(folder / name)) {
      for (const std::string& path : images_of(chat)) {
        EXPECT_TRUE(std::filesystem::exists(folder.path() / path)) << path;
      }
    }
  }
}

TEST(Corpus, HasUsersThatTheWorldHasNot) {
  const TempDir folder;
  make_corpus(tiny(folder));
  const auto people = vragent::data::formats::load_interactions(folder / "sft_pairs.tsv");
  ASSERT_EQ(people.user_ids.size(), 9U);
  EXPECT_EQ(people.user_ids[0], std::to_string(kFirstCorpusUser));
}

TEST(Corpus, HasAnsweredCasesOfFurtherPeople) {
  const TempDir folder;
  make_corpus(tiny(folder));
  const auto demos = vragent::data::load_cases(folder / "lm_demos.jsonl");
  EXPECT_EQ(demos.size(), 4U * 9U) << "two judgments and two selections a person";
  for (const auto& demo : demos) {
    EXPECT_THAT(demo.response, HasSubstr("<think>likes "));
    EXPECT_EQ(demo.label, -1) << "nobody needs the truth";
  }
}

TEST(Corpus, HasTextsWithEveryWord) {
  const TempDir folder;
  CorpusConfig config = tiny(folder);
  config.videos = 200;
  config.people = 100;
  make_corpus(config);
  const std::string texts = vragent::read_file(folder / "texts.txt");
  for (const Slot slot : kSlots) {
    for (const std::string& word : words_of(slot)) EXPECT_THAT(texts, HasSubstr(word));
  }
  for (const std::string& sentence : filler_sentences()) EXPECT_THAT(texts, HasSubstr(sentence));
  for (const char* part :
       {"just passing by", "; candidate ", "<answer>Yes", "; D ", "at most 17", "- this "}) {
    EXPECT_THAT(texts, HasSubstr(part));
  }
}

TEST(Stage1, DropsNineTitlesOfTen) {
  RandomStream random(1);
  int with_title = 0;
  for (int i = 0; i < 2000; ++i) {
    const Json chat = Json::parse(stage1_line(kVideo, 2, random));
    EXPECT_EQ(images_of(chat), std::vector<std::string>{"frames/00007/2.jpg"});
    const bool has_title = prompt_of(chat) != kQuickPrompt;
    with_title += has_title ? 1 : 0;
    EXPECT_EQ(chat["messages"][1]["content"],
              has_title ? caption_of(kVideo.own) : frames_caption_of(kVideo.own));
  }
  EXPECT_NEAR(with_title / 2000.0, .1, .02);
}

TEST(FiveFrames, AreOnTopicAsOftenAsTheCaptionersKeyFrames) {
  RandomStream random(1);
  double on_topic = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto frames = draw_five_frames(random);
    ASSERT_EQ(frames.size(), 5U);
    EXPECT_EQ(std::set<std::int64_t>(frames.begin(), frames.end()).size(), 5U) << "none twice";
    for (const std::int64_t frame : frames) on_topic += frame < kNumOnTopic ? .2 : 0;
  }
  EXPECT_NEAR(on_topic / 2000, .84, .01);
}

TEST(Stage2, TeachesTheCaptionersVeryPrompts) {
  namespace prompts = vragent::perception;
  RandomStream random(1);
  int frames_alone = 0;
  int title_alone = 0;
  for (int i = 0; i < 2000; ++i) {
    const Json chat = Json::parse(stage2_line(kVideo, random));
    ASSERT_EQ(chat["messages"].size(), 4U);
    EXPECT_THAT(prompt_of(chat, 2), StartsWith(prompts::rewrite_prompt(0).substr(0, 40)));
    const std::string prompt = prompt_of(chat);
    const bool no_images = images_of(chat).empty();
    title_alone += no_images ? 1 : 0;
    frames_alone += prompt == prompts::perceive_frames_prompt() ? 1 : 0;
    if (no_images) {
      EXPECT_THAT(prompt, StartsWith(prompts::perceive_title_prompt("").substr(0, 24)));
    } else {
      EXPECT_EQ(images_of(chat).size(), 5U);
    }
  }
  EXPECT_NEAR(title_alone / 2000.0, .08, .02);
  EXPECT_NEAR(frames_alone / 2000.0, .92 * .3, .03);
}

TEST(Stage2, AnswersWithWhatItsFramesShow) {
  RandomStream random(1);
  for (int i = 0; i < 300; ++i) {
    const Json chat = Json::parse(stage2_line(kVideo, random));
    const auto images = images_of(chat);
    if (images.empty()) continue;
    const std::string perception = chat["messages"][1]["content"];
    const std::string caption = chat["messages"][3]["content"];
    EXPECT_THAT(perception, HasSubstr(caption)) << "the caption is part of the long text";
    const bool shows_b_roll = std::any_of(images.begin(), images.end(), [](const auto& path) {
      return path.ends_with("/5.jpg") || path.ends_with("/6.jpg");
    });
    EXPECT_EQ(perception.find("blue boat") != std::string::npos, shows_b_roll);
    EXPECT_EQ(caption.find("boat"), std::string::npos);
  }
}

TEST(CorpusConfig, TakesItsSizesFromTheProfileUnlessTold) {
  EXPECT_EQ(CorpusConfig{}.num_videos(), 4200);
  EXPECT_EQ((CorpusConfig{.world = {.profile = "smoke"}}.num_people()), 800);
  EXPECT_THROW(CorpusConfig{}.check(), vragent::ConfigError);
  EXPECT_THROW((CorpusConfig{.out = "x", .videos = -1}.check()), vragent::ConfigError);
}

}  // namespace
}  // namespace mini_world
