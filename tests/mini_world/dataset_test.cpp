// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/dataset.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mini_world/drawing/clips.h"
#include "mini_world/files_of.h"
#include "support/temp_dir.h"
#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/data/items.h"
#include "vragent/media/video_reader.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace mini_world {
namespace {

using ::testing::HasSubstr;
using vragent::test::TempDir;

/// A world just large enough: 20 items, 12 users.
DatasetConfig tiny(const TempDir& folder, std::int64_t jobs = 2) {
  DatasetConfig config = {.out = folder.path()};
  config.world = {.profile = "smoke", .seed = 5, .items = 20, .users = 12};
  config.jobs = jobs;
  return config;
}

TEST(Dataset, IsTheSameBytesEveryTimeWhateverTheNumberOfJobs) {
  const TempDir first;
  const TempDir second;
  make_dataset(tiny(first, 1));
  make_dataset(tiny(second, 3));
  const auto files = files_of(first.path());
  EXPECT_EQ(files.size(), 7U + 20U);
  EXPECT_TRUE(files == files_of(second.path())) << "videos and all";
}

TEST(Dataset, ReadsAsMicroLensDoes) {
  const TempDir folder;
  const DatasetCounts counts = make_dataset(tiny(folder));
  const auto tsv = vragent::data::formats::load_interactions(folder / "mini_pairs.tsv");
  const auto csv = vragent::data::formats::load_interactions(folder / "mini_pairs.csv");
  EXPECT_EQ(tsv.user_ids.size(), 12U);
  EXPECT_EQ(tsv.num_interactions(), counts.interactions);
  EXPECT_EQ(tsv.histories, csv.histories) << "both files tell the same order";

  const auto items = vragent::data::formats::load_items(folder / "mini_title_en.csv");
  EXPECT_EQ(items.items.size(), 20U);
  EXPECT_EQ(items.items.back().id, "20");
  const auto comments = vragent::data::Comments::load(folder / "mini_comment_en.txt");
  EXPECT_EQ(static_cast<std::int64_t>(comments.size()), counts.interactions);
  EXPECT_FALSE(
      comments.find("1", tsv.item_ids[static_cast<std::size_t>(tsv.histories[0][0])]).empty());
}

/// Mean absolute difference of two images, in levels of 255.
double distance(const vragent::media::Image& a, const vragent::media::Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

TEST(Dataset, HasVideosThatDecodeToTheFramesThatWereDrawn) {
  const TempDir folder;
  make_dataset(tiny(folder));
  vragent::media::VideoReader reader(folder / "mini_videos" / "3.mp4");
  EXPECT_NEAR(reader.info().duration_seconds, 4.0, 1e-6);
  std::vector<double> middles;
  for (int i = 0; i < 20; ++i) middles.push_back((i + .5) / kFramesPerSecond);
  const auto decoded = reader.frames_at(middles);
  const Clip clip = draw_clip(draw_items(5, 3)[2], 5, 2);
  ASSERT_EQ(decoded.frames.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_LT(distance(decoded.frames[i].image(), clip.frames[i]), 8) << i;
  }
}

TEST(Dataset, TellsTheTruthOfEachItem) {
  const TempDir folder;
  make_dataset(tiny(folder));
  const auto items = draw_items(5, 20);
  std::size_t index = 0;
  vragent::for_each_line(folder / "truth.jsonl", [&](const auto& line, const auto& where) {
    const vragent::Json row = vragent::parse_json_object(line, where);
    EXPECT_EQ(row["item_id"], std::to_string(index + 1));
    EXPECT_EQ(row["subject"], items[index].own.word(Slot::kSubject));
    EXPECT_EQ(row["b_roll"]["setting"], items[index].b_roll.word(Slot::kSetting));
    EXPECT_THAT(row["caption"].get<std::string>(), HasSubstr(row["colour"].get<std::string>()));
    EXPECT_EQ(row["frames"].size(), 20U);
    EXPECT_EQ(row["frames"][0], "card");
    ++index;
  });
  EXPECT_EQ(index, 20U);
}

TEST(Dataset, WritesTheTastesOfUsersApart) {
  const TempDir folder;
  make_dataset(tiny(folder));
  const std::string line = vragent::read_file(folder / "truth_users.jsonl");
  EXPECT_THAT(line, HasSubstr(R"({"user_id":"1","subjects":[)"));
}

TEST(WriteBehaviour, CountsIdsUpFromTheFirst) {
  const TempDir folder;
  const std::vector<WorldUser> users = {{.watched = {0, 4}, .comments = {"liked cat", "wow"}},
                                        {.watched = {2}, .comments = {"just passing by"}}};
  write_behaviour(folder.path(), "x", users, 100);
  EXPECT_EQ(vragent::read_file(folder / "x_pairs.tsv"), "100\t1 5\n101\t3\n");
  EXPECT_EQ(vragent::read_file(folder / "x_comment_en.txt"),
            "100\t1\tliked cat\n100\t5\twow\n101\t3\tjust passing by\n");
}

TEST(DatasetConfig, WantsAFolderAndAJob) {
  EXPECT_THROW(DatasetConfig{}.check(), vragent::ConfigError);
  EXPECT_THROW((DatasetConfig{.out = "x", .jobs = 0}.check()), vragent::ConfigError);
}

}  // namespace
}  // namespace mini_world
