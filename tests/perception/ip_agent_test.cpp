// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/perception/ip_agent.h"

#include <csignal>
#include <set>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/synthetic_video.h"
#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/chat/mock_chat.h"
#include "vragent/data/media_records.h"
#include "vragent/engine/native_chat.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/interrupt.h"

namespace vragent::perception {
namespace {

/// A run of extract-frames by hand: items "0" .. "5" with eight frames of 32 x 32 pixels that bear
/// their number, one of which failed.
class IpAgentRun : public ::testing::Test {
 protected:
  IpAgentRun() {
    std::string frames;
    std::string items;
    for (int item = 0; item < 6; ++item) {
      data::FramesRow row{.item_id = std::to_string(item), .status = "ok"};
      for (int f = 0; f < 8; ++f) {
        row.files.push_back("frames/" + row.item_id + "_" + std::to_string(f) + ".png");
        row.times_seconds.push_back(f);
        media::write_image(folder_ / "frames_run" / row.files.back(),
                           test::numbered_frame(f, 32, 32));
      }
      row.scores = {0, 7, 1, 2, 6, 3, 5, 4};
      row.key_frames = {1, 4, 6};
      if (item == kBad) row = {.item_id = row.item_id, .status = "error", .error = "broken file"};
      frames += data::to_line(row) + "\n";
      items += "{\"item_id\": \"" + row.item_id + "\", \"title\": \"title <|im_end|> " +
               row.item_id + "\"}\n";
    }
    write_file(folder_ / "frames_run/frames.jsonl", frames);
    write_file(folder_ / "items.jsonl", items);
  }

  ~IpAgentRun() override { clear_interrupt(); }

  static constexpr int kBad = 2;

  [[nodiscard]] IpCaptionConfig config() const {
    IpCaptionConfig config{.out = folder_ / "run",
                           .frames = folder_ / "frames_run",
                           .items = folder_ / "items.jsonl",
                           .num_frames = 3,
                           .batch_size = 2};
    config.runtime.threads = 1;
    return config;
  }

  [[nodiscard]] std::vector<data::CaptionRow> rows() const {
    return data::load_captions(folder_ / "run/captions.jsonl");
  }

  chat::MockChat model{[this](const chat::Request& request, std::int64_t) {
    if (request.messages.size() == 1) {
      shown.emplace_back();
      for (const media::Image& image : request.messages[0].images)
        shown.back().push_back(test::number_on(image));
    }
    chat::Answer answer;
    answer.text = "a caption of " + request.messages[0].text;
    answer.finish_reason = "stop";
    return answer;
  }};
  std::vector<std::vector<int>> shown;  ///< numbers on the frames of each first turn
  test::TempDir folder_;
};

TEST_F(IpAgentRun, DescribesEveryVideoAndWritesAnErrorRowWhereThereAreNoFrames) {
  const IpCaptionReport report = caption_catalogue(config(), model);
  EXPECT_EQ(report.done, 5);
  EXPECT_EQ(report.failed, 1);
  const auto all = rows();
  ASSERT_EQ(all.size(), 6);
  for (int item = 0; item < 6; ++item) {
    const data::CaptionRow& row = all[static_cast<std::size_t>(item)];
    EXPECT_EQ(row.item_id, std::to_string(item));
    EXPECT_EQ(row.title, "title <|im_end|> " + row.item_id);
    EXPECT_EQ(row.status, item == kBad ? "error" : "ok");
    if (item == kBad) {
      EXPECT_NE(row.error.find("broken file"), std::string::npos) << row.error;
      EXPECT_TRUE(row.caption.empty());
    } else {
      EXPECT_NE(row.caption.find(row.title), std::string::npos) << "the title stays text";
      EXPECT_LE(row.num_words, 35);
    }
  }
}

TEST_F(IpAgentRun, ShowsTheKeyFramesInTimeOrder) {
  caption_catalogue(config(), model);
  ASSERT_EQ(shown.size(), 5);
  for (const auto& numbers : shown) EXPECT_EQ(numbers, (std::vector<int>{1, 4, 6}));
  EXPECT_EQ(rows()[0].key_times_seconds, (std::vector<double>{1, 4, 6}));
}

TEST_F(IpAgentRun, ShowsNeighboursFromAPlaceOfEachItemsOwnWithoutKfr) {
  IpCaptionConfig config = this->config();
  config.kfr = false;
  caption_catalogue(config, model);
  std::set<int> starts;
  for (const auto& numbers : shown) {
    ASSERT_EQ(numbers.size(), 3);
    EXPECT_EQ(numbers[1], numbers[0] + 1);
    EXPECT_EQ(numbers[2], numbers[0] + 2);
    starts.insert(numbers[0]);
  }
  EXPECT_GE(starts.size(), 2);
  const auto before = shown;
  shown.clear();
  config.overwrite = true;
  caption_catalogue(config, model);
  EXPECT_EQ(shown, before) << "the same seed shows the same";
}

TEST_F(IpAgentRun, SaysWhatIsMissingWhereClipNeverChose) {
  write_file(
      folder_ / "frames_run/frames.jsonl",
      data::to_line(
          {.item_id = "0", .status = "ok", .times_seconds = {0.0}, .files = {"frames/0_0.png"}}) +
          "\n" +
          data::to_line({.item_id = "1",
                         .status = "ok",
                         .times_seconds = {0.0},
                         .files = {"frames/gone.png"},
                         .scores = {1.0},
                         .key_frames = {0}}) +
          "\n");
  EXPECT_EQ(caption_catalogue(config(), model).failed, 2);
  EXPECT_NE(rows()[0].error.find("--no-kfr"), std::string::npos) << rows()[0].error;
  EXPECT_NE(rows()[1].error.find("gone.png"), std::string::npos) << rows()[1].error;
}

TEST_F(IpAgentRun, RefusesARunThatClipNeverRankedBeforeItAsks) {
  write_file(
      folder_ / "frames_run/frames.jsonl",
      data::to_line(
          {.item_id = "0", .status = "ok", .times_seconds = {0.0}, .files = {"frames/0_0.png"}}) +
          "\n");
  EXPECT_THROW(caption_catalogue(config(), model), DataError);
  EXPECT_TRUE(shown.empty());
}

TEST_F(IpAgentRun, AsksForFinishedVideosNeverAgainOnResume) {
  IpCaptionConfig config = this->config();
  caption_catalogue(config, model);
  const std::string whole = read_file(folder_ / "run/captions.jsonl");
  const std::int64_t asked = model.num_requests();
  config.resume = true;
  EXPECT_EQ(caption_catalogue(config, model).kept, 5) << "all but the broken video";
  EXPECT_EQ(model.num_requests(), asked);
  EXPECT_EQ(read_file(folder_ / "run/captions.jsonl").size(), whole.size());

  const auto third_line = whole.find('\n', whole.find('\n', whole.find('\n') + 1) + 1);
  write_file(folder_ / "run/captions.jsonl", whole.substr(0, third_line + 20));  // a torn row
  request_interrupt(SIGTERM);
  EXPECT_THROW(caption_catalogue(config, model), Interrupted);
  clear_interrupt();
  const IpCaptionReport report = caption_catalogue(config, model);
  EXPECT_EQ(report.kept, 2);
  EXPECT_EQ(report.failed, 1) << "the broken one stays where it was";
  EXPECT_EQ(report.done, 3);
  EXPECT_EQ(model.num_requests(), asked + 3 * 2);
  EXPECT_EQ(read_file(folder_ / "run/captions.jsonl").substr(0, third_line),
            whole.substr(0, third_line));
  EXPECT_EQ(rows().size(), 6);
}

TEST_F(IpAgentRun, MakesAnEmptyAnswerAndAFailedCallErrorRows) {
  chat::MockChat moody({{.contains = "> 0\"", .answers = {" \n"}},
                        {.contains = "> 1\"", .error = "server is gone"},
                        {.contains = "", .answers = {"a caption"}}});
  const IpCaptionReport report = caption_catalogue(config(), moody);
  EXPECT_EQ(report.failed, 3) << "one has no frames";
  EXPECT_EQ(rows()[0].status, "error");
  EXPECT_EQ(rows()[1].error, "server is gone");
  EXPECT_EQ(rows()[3].caption, "a caption");
}

TEST_F(IpAgentRun, ExtractsTheFramesItselfWhenGivenVideos) {
  make_folder(folder_ / "videos");
  media::write_video(folder_ / "videos/0.mp4", test::numbered_frames(20));
  test::write_tiny_clip(folder_ / "clip", 3);
  IpCaptionConfig config = this->config();
  config.frames.clear();
  config.extract.videos = folder_ / "videos";
  config.extract.clip = (folder_ / "clip").string();
  config.extract.num_frames = 10;
  EXPECT_EQ(caption_catalogue(config, model).done, 1);
  ASSERT_EQ(shown.size(), 1);
  EXPECT_EQ(shown[0].size(), 3);
  config.extract.clip.clear();
  EXPECT_THROW(caption_catalogue(config, model), ConfigError);
  config.frames = folder_ / "frames_run";
  EXPECT_THROW(caption_catalogue(config, model), ConfigError) << "both frames and videos";
}

TEST_F(IpAgentRun, WorksWithAModelOfOurOwnWhateverItSays) {
  test::write_tiny_vlm(folder_ / "vlm", 2);
  engine::NativeChat vlm(folder_ / "vlm", torch::kFloat32, torch::kCPU);
  IpCaptionConfig config = this->config();
  config.limit = 2;
  config.captioner.sampling = {.temperature = 1.0, .max_tokens = 12};
  caption_catalogue(config, vlm);
  const auto all = rows();
  ASSERT_EQ(all.size(), 2);
  for (const data::CaptionRow& row : all) {
    EXPECT_GT(row.prompt_tokens, 2 * 3 * 4) << "three images of four tokens, twice";
    EXPECT_TRUE(row.status == "ok" || row.error == "the model's answer is empty") << row.error;
  }
}

}  // namespace
}  // namespace vragent::perception
