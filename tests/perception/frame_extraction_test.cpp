// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/frame_extraction.h"

#include <csignal>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/synthetic_video.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/data/media_records.h"
#include "vragent/media/video_writer.h"
#include "vragent/perception/key_frames.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/interrupt.h"

namespace vragent::perception {
namespace {

namespace fs = std::filesystem;

/// Videos a, b (whole) and c (torn), of 20 numbered frames, five a second.
class FrameExtraction : public ::testing::Test {
 protected:
  FrameExtraction() {
    make_folder(folder_ / "videos");
    for (const char* name : {"a", "b"}) media::write_video(video(name), test::numbered_frames(20));
    write_file(video("c"), read_file(video("a")).substr(0, 700));
  }

  ~FrameExtraction() override { clear_interrupt(); }

  [[nodiscard]] fs::path video(const std::string& name) const {
    return folder_ / "videos" / (name + ".mp4");
  }

  [[nodiscard]] ExtractConfig config() const {
    ExtractConfig config{.out = folder_ / "run",
                         .videos = folder_ / "videos",
                         .num_frames = 4,
                         .num_key_frames = 2,
                         .jobs = 1};
    config.runtime.threads = 1;
    return config;
  }

  /// Titles for a, b, c and d, which has no video; and CLIP to score frames.
  [[nodiscard]] ExtractConfig config_with_clip() const {
    if (!fs::exists(folder_ / "clip")) test::write_tiny_clip(folder_ / "clip", 3);
    std::string lines;
    for (const char* id : {"a", "b", "c", "d"})
      lines += std::string("{\"item_id\": \"") + id + "\", \"title\": \"the cat " + id + "\"}\n";
    write_file(folder_ / "items.jsonl", lines);
    ExtractConfig config = this->config();
    config.items = folder_ / "items.jsonl";
    config.clip = (folder_ / "clip").string();
    config.features = true;
    return config;
  }

  [[nodiscard]] std::vector<data::FramesRow> rows() const {
    return data::load_frames(folder_ / "run/frames.jsonl");
  }

  test::TempDir folder_;
};

TEST_F(FrameExtraction, TakesFramesUniformInTime) {
  const ExtractReport report = extract_frames(config());
  EXPECT_EQ(report.frames, 8);
  const data::FramesRow row = rows()[0];
  EXPECT_EQ(row.item_id, "a");
  EXPECT_EQ(row.status, "ok");
  EXPECT_NEAR(row.duration_seconds, 4.0, 1e-6);
  ASSERT_EQ(row.files.size(), 4);
  for (std::size_t i = 0; i < 4; ++i) {  // the middles of four quarters: 0.5, 1.5, 2.5, 3.5 s
    const auto shown = test::number_on(media::read_image(folder_ / "run" / row.files[i]));
    EXPECT_EQ(shown, 2 + 5 * static_cast<int>(i));
    EXPECT_NEAR(row.times_seconds[i], shown / 5.0, 1e-6) << "the time of the frame itself";
  }
}

TEST_F(FrameExtraction, WritesAnErrorRowForABrokenVideoAndGoesOn) {
  media::write_video(video("d"), test::numbered_frames(20));
  write_file(video("e"), "");
  const ExtractReport report = extract_frames(config());
  EXPECT_EQ(report.done, 3);
  EXPECT_EQ(report.failed, 2);
  const auto all = rows();
  ASSERT_EQ(all.size(), 5);
  for (const std::size_t bad : {2, 4}) {
    EXPECT_EQ(all[bad].status, "error");
    EXPECT_NE(all[bad].error.find(all[bad].item_id + ".mp4"), std::string::npos) << all[bad].error;
    EXPECT_TRUE(all[bad].files.empty());
  }
  EXPECT_EQ(all[3].status, "ok");
}

TEST_F(FrameExtraction, DoesNotDecodeFinishedVideosAgainOnResume) {
  extract_frames(config());
  const std::string before = read_file(folder_ / "run/frames.jsonl");
  write_file(video("a"), "no video any more");
  media::write_video(video("d"), test::numbered_frames(10));
  ExtractConfig again = config();
  again.resume = true;
  const ExtractReport report = extract_frames(again);
  EXPECT_EQ(report.kept, 2);
  EXPECT_EQ(report.done, 1);
  EXPECT_EQ(report.failed, 1) << "the broken one, from before";
  const std::string after = read_file(folder_ / "run/frames.jsonl");
  EXPECT_TRUE(after.starts_with(before));
  EXPECT_EQ(rows().back().item_id, "d");
}

TEST_F(FrameExtraction, CutsATornRowAndDoesItsVideoAgain) {
  extract_frames(config());
  const std::string whole = read_file(folder_ / "run/frames.jsonl");
  write_file(folder_ / "run/frames.jsonl", whole.substr(0, whole.size() - 9));
  ExtractConfig again = config();
  again.resume = true;
  EXPECT_EQ(extract_frames(again).kept, 2);
  EXPECT_EQ(read_file(folder_ / "run/frames.jsonl"), whole);
}

TEST_F(FrameExtraction, MarksTheFramesThatClipLikesBestInTimeOrder) {
  extract_frames(config_with_clip());
  const auto all = rows();
  ASSERT_EQ(all.size(), 4);
  const auto features = nn::load_safetensors(folder_ / "run/frame_features.safetensors");
  for (const std::size_t good : {0, 1}) {
    EXPECT_EQ(all[good].scores.size(), 4);
    EXPECT_EQ(all[good].key_frames, best_in_time_order(all[good].scores, 2));
    EXPECT_EQ(features.at(all[good].item_id).size(0), 4);
  }
  EXPECT_NE(all[0].scores, all[1].scores) << "titles differ";
  EXPECT_EQ(all[3].status, "error");
  EXPECT_NE(all[3].error.find("no video named d"), std::string::npos) << all[3].error;
  EXPECT_EQ(features.size(), 2);
}

TEST_F(FrameExtraction, KeepsFeaturesOfWhatWasDoneWhenItStops) {
  ExtractConfig config = config_with_clip();
  config.max_failures = 0;  // c is broken, d has no video
  EXPECT_THROW(extract_frames(config), Error);
  EXPECT_EQ(nn::load_safetensors(folder_ / "run/frame_features.safetensors").size(), 2);
  config.resume = true;
  config.max_failures = -1;
  request_interrupt(SIGTERM);
  EXPECT_THROW(extract_frames(config), Interrupted);
  clear_interrupt();
  EXPECT_EQ(extract_frames(config).failed, 2);
  EXPECT_EQ(nn::load_safetensors(folder_ / "run/frame_features.safetensors").size(), 2);
  EXPECT_EQ(rows().size(), 4);
}

TEST_F(FrameExtraction, NeverResumesWithoutTheFeaturesOfFinishedVideos) {
  ExtractConfig config = config_with_clip();
  extract_frames(config);
  std::filesystem::remove(folder_ / "run/frame_features.safetensors");  // as a kill leaves it
  config.resume = true;
  EXPECT_THROW(extract_frames(config), DataError);
}

TEST_F(FrameExtraction, TakesOneFileWithItsTitleAndNothingElseOfTheCatalogue) {
  ExtractConfig config = config_with_clip();
  config.videos /= "b.mp4";
  extract_frames(config);
  ASSERT_EQ(rows().size(), 1);
  EXPECT_EQ(rows()[0].item_id, "b");
  EXPECT_EQ(rows()[0].status, "ok");
}

TEST_F(FrameExtraction, TakesNeighboursFromAPlaceOfEachVideosOwn) {
  ExtractConfig config = this->config();
  config.sampling = "adjacent";
  extract_frames(config);
  std::vector<double> starts;
  for (const data::FramesRow& row : rows()) {
    if (row.status != "ok") continue;
    for (std::size_t i = 1; i < row.times_seconds.size(); ++i)
      EXPECT_NEAR(row.times_seconds[i] - row.times_seconds[i - 1], 0.2, 1e-6);
    starts.push_back(row.times_seconds[0]);
  }
  EXPECT_NE(starts[0], starts[1]);
}

TEST_F(FrameExtraction, RefusesWhatCannotWork) {
  ExtractConfig config = this->config();
  config.num_key_frames = 5;  // of four
  config.clip = "clip";
  config.items = "titles.csv";
  EXPECT_THROW(extract_frames(config), ConfigError);
  config = this->config();
  config.clip = "clip";
  EXPECT_THROW(extract_frames(config), ConfigError) << "no titles";
  config = this->config();
  config.videos = folder_ / "nowhere";
  EXPECT_THROW(extract_frames(config), Error);
}

}  // namespace
}  // namespace vragent::perception
