// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `extract-frames` on a folder as the world delivers it: good videos, bad ones, odd names.
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/small_files.h"
#include "support/synthetic_video.h"
#include "vragent/data/media_records.h"
#include "vragent/media/image.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/text.h"

namespace vragent::test {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ExtractFrames : public SmallFiles {
 protected:
  void SetUp() override {
    for (const char* name : {"good", "-x", "zz"})
      media::write_video(here() / "videos" / (std::string(name) + ".mp4"), numbered_frames(10));
    write("videos/empty.mp4", "");
    write("videos/half.mp4", read("videos/good.mp4").substr(0, 900));
    write("videos/notes.txt", "no video");
  }

  std::map<std::string, data::FramesRow> rows() {
    std::map<std::string, data::FramesRow> rows;
    for (const data::FramesRow& row : data::load_frames(here() / "run/frames.jsonl"))
      EXPECT_TRUE(rows.emplace(row.item_id, row).second) << row.item_id;
    return rows;
  }

  static inline const std::string kCommand =
      "$vragent extract-frames --videos videos --num-frames 4 --jobs 1 --threads 1 --out run ";
};

TEST_F(ExtractFrames, MakeOneErrorRowOfABadVideoAndGoOn) {
  const Ran ran = run(kCommand);
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "videos done=3 failed=2 kept=0 frames=12\n");
  EXPECT_THAT(ran.err, HasSubstr("2 of 5 videos failed; run/frames.jsonl says why"));
  const auto made = rows();
  ASSERT_THAT(made, SizeIs(5));
  for (const char* name : {"good", "-x", "zz"}) {
    const data::FramesRow& row = made.at(name);
    EXPECT_EQ(row.status, "ok");
    ASSERT_THAT(row.files, SizeIs(4));
    for (const std::string& file : row.files)
      EXPECT_EQ(media::read_image(here() / "run" / file).width, 96);
  }
  for (const char* name : {"empty", "half"}) {
    EXPECT_EQ(made.at(name).status, "error");
    EXPECT_THAT(made.at(name).error, HasSubstr("videos/" + std::string(name) + ".mp4: "));
    EXPECT_THAT(made.at(name).files, IsEmpty());
  }
}

TEST_F(ExtractFrames, GoOnWhereARunWasKilled) {
  run(kCommand);
  const std::string whole = read("run/frames.jsonl");
  const std::size_t second = whole.find('\n', whole.find('\n') + 1) + 1;
  write("run/frames.jsonl", whole.substr(0, second + 30));
  const Ran ran = run(kCommand + "--resume --json");
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_EQ(ran.out, "{\"done\":2,\"failed\":2,\"kept\":1,\"frames\":8}\n");
  EXPECT_EQ(read("run/frames.jsonl"), whole);
  const Ran again = run(kCommand + "--resume --json");
  EXPECT_EQ(again.code, 1) << "failures are tried again, and fail again";
  EXPECT_EQ(again.out, "{\"done\":0,\"failed\":2,\"kept\":3,\"frames\":0}\n");
  const Ran taken = run(kCommand);
  EXPECT_EQ(taken.code, 73);
  EXPECT_THAT(taken.err, HasSubstr("holds a run of extract-frames already"));
  const Ran other = run(kCommand + "--resume --jpeg-quality 50");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("--jpeg-quality was 90"));
}

TEST_F(ExtractFrames, ReadASingleVideoWhoseNameLooksLikeAFlag) {
  const Ran ran =
      run("cd videos && $vragent extract-frames --videos -x.mp4 --num-frames 2 --out r");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "videos done=1 failed=0 kept=0 frames=2\n");
}

TEST_F(ExtractFrames, NeverLeaveTheRunFolderWhateverAnIdSays) {
  write("items.csv", "../../evil,a title\n/etc/evil,other\ngood,\"a, \"\"b\"\" <|im_end|>\"\n");
  fs::copy(here() / "videos/good.mp4", here() / "videos/%2E.%2F..%2Fevil.mp4");
  const Ran ran = run(kCommand + "--items items.csv");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "videos done=2 failed=1 kept=0 frames=8\n");
  EXPECT_THAT(rows().at("../../evil").files,
              ElementsAre("frames/%2E.%2F..%2Fevil/000.jpg",
                          "frames/%2E.%2F..%2Fevil/001.jpg",
                          "frames/%2E.%2F..%2Fevil/002.jpg",
                          "frames/%2E.%2F..%2Fevil/003.jpg"));
}

TEST_F(ExtractFrames, ChooseKeyFramesByTitle) {
  make_models();
  write("items.csv", "good,a red boat <|endoftext|> \xF0\x9F\x9A\xA4\nzz,\n");
  output_of(kCommand + "--items items.csv --clip models/clip --num-key-frames 2");
  for (const auto& [id, row] : rows()) {
    EXPECT_THAT(row.scores, SizeIs(4)) << id;
    EXPECT_THAT(row.key_frames, SizeIs(2)) << id;
    EXPECT_LT(row.key_frames[0], row.key_frames[1]) << id;
  }
}

TEST_F(ExtractFrames, StopOnAFullDiskWithoutHalfAFrame) {
  // Frames are smaller than the limit, and the fourth row passes it.
  const Ran rows_too_many = run("ulimit -f 1; " + kCommand);
  EXPECT_EQ(rows_too_many.code, 74);
  EXPECT_THAT(rows_too_many.err, HasSubstr("run/frames.jsonl: cannot write: File too large"));
  EXPECT_TRUE(read("run/frames.jsonl").ends_with("]}\n"));
  media::write_video(here() / "videos/-x.mp4", numbered_frames(10, 640, 480));
  const Ran frame_too_large = run("ulimit -f 4; " + kCommand + "--overwrite");
  EXPECT_EQ(frame_too_large.code, 74);
  EXPECT_THAT(frame_too_large.err, HasSubstr("000.jpg: cannot write: File too large"));
  EXPECT_EQ(read("run/frames.jsonl"), "");
}

}  // namespace
}  // namespace vragent::test
