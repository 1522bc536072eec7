// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/media_records.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::data {
namespace {

using ::testing::HasSubstr;

FramesRow frames_row() {
  FramesRow row;
  row.item_id = "7";
  row.status = "ok";
  row.video = "videos/7.mp4";
  row.duration_seconds = 4.0;
  row.width = 56;
  row.height = 48;
  row.times_seconds = {0.1, 1.0 / 3.0, 3.9};
  row.files = {"frames/7/000.jpg", "frames/7/001.jpg", "frames/7/002.jpg"};
  row.scores = {0.25, 0.5, 0.125};
  row.key_frames = {0, 1};
  row.extra = "{\"codec\":\"h264\"}";
  return row;
}

std::string frames_error(const FramesRow& row) {
  try {
    parse_frames_row(to_line(row), "f:2");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(FramesLine, RoundTripsByteForByte) {
  const std::string line = to_line(frames_row());
  EXPECT_EQ(to_line(parse_frames_row(line, "f:1")), line);
  EXPECT_EQ(parse_frames_row(line, "f:1").times_seconds[1], 1.0 / 3.0);
}

TEST(FramesLine, KeepsTheReasonOfABadVideo) {
  FramesRow row;
  row.item_id = "-x";
  row.status = "error";
  row.error = "-x.mp4: no video stream";
  const FramesRow back = parse_frames_row(to_line(row), "f:1");
  EXPECT_EQ(back.error, row.error);
  EXPECT_TRUE(back.files.empty());
}

TEST(FramesLine, IsRefusedWhenItsListsDoNotFit) {
  FramesRow row = frames_row();
  row.scores.pop_back();
  EXPECT_THAT(frames_error(row), HasSubstr("f:2: \"scores\""));
  row = frames_row();
  row.files.pop_back();
  EXPECT_THAT(frames_error(row), HasSubstr("f:2: \"files\""));
  row = frames_row();
  row.key_frames = {3};
  EXPECT_THAT(frames_error(row), HasSubstr("f:2: \"key_frames\""));
  row = frames_row();
  row.status = "fine";
  EXPECT_THAT(frames_error(row), HasSubstr("ok or error is wanted"));
}

TEST(CaptionLine, RoundTripsByteForByte) {
  CaptionRow row;
  row.item_id = "7";
  row.status = "ok";
  row.title = "a \"title\", with <script> and <|im_end|>";
  row.caption = "a cat jumps";
  row.num_words = 3;
  row.perception = "long\ntext";
  row.key_times_seconds = {0.5};
  row.finish_reason = "stop";
  row.prompt_tokens = 100;
  row.completion_tokens = 9;
  row.seconds = 0.75;
  row.extra = "{\"model\":\"tiny\"}";
  const std::string line = to_line(row);
  EXPECT_EQ(to_line(parse_caption_row(line, "f:1")), line);
  EXPECT_EQ(parse_caption_row(line, "f:1").title, row.title);
}

TEST(MediaRecordFiles, RefuseAnItemThatIsThereTwice) {
  const test::TempDir folder;
  const std::string line = to_line(frames_row()) + "\n";
  write_file(folder / "frames.jsonl", line);
  EXPECT_EQ(load_frames(folder / "frames.jsonl").size(), 1U);
  write_file(folder / "frames.jsonl", line + line);
  EXPECT_THROW(load_frames(folder / "frames.jsonl"), DataError);
  write_file(folder / "captions.jsonl", "{\"item_id\":\"1\"}\n");
  EXPECT_THROW(load_captions(folder / "captions.jsonl"), DataError) << "status is missing";
}

class ResumeRows : public ::testing::Test {
 protected:
  ResumeRows() { write_file(path, good + "\n" + bad + "\n" + R"({"item_id":"3","sta)"); }

  const test::TempDir folder;
  const std::filesystem::path path = folder / "frames.jsonl";
  const std::string good = R"({"item_id":"1","status":"ok","video":"a.mp4","more":[1]})";
  const std::string bad = R"({"item_id":"2","status":"error","error":"no frames"})";
};

TEST_F(ResumeRows, KeepAllWholeRowsOfAStoppedRun) {
  const FinishedRows finished = resume_rows(path, {"1", "2", "3"});
  EXPECT_THAT(finished.ids, ::testing::ElementsAre("1", "2"));
  EXPECT_EQ(finished.num_failed, 1);
  EXPECT_EQ(read_file(path), good + "\n" + bad + "\n");
}

TEST_F(ResumeRows, LetFailuresOfAFinishedRunGo) {
  const FinishedRows finished = resume_rows(path, {"1", "2"});
  EXPECT_THAT(finished.ids, ::testing::ElementsAre("1"));
  EXPECT_EQ(finished.num_failed, 0);
  EXPECT_EQ(read_file(path), good + "\n") << "byte for byte, unknown members too";
}

TEST_F(ResumeRows, AreNoneWithoutAFile) {
  EXPECT_TRUE(resume_rows(folder / "none.jsonl", {"1"}).ids.empty());
}

}  // namespace
}  // namespace vragent::data
