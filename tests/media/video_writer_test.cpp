// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/media/video_writer.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "support/synthetic_video.h"
#include "support/temp_dir.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::media {
namespace {

namespace fs = std::filesystem;

using test::numbered_frames;
using test::TempDir;

TEST(VideoWriter, SameFramesGiveTheSameBytes) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(20));
  write_video(folder / "b.mp4", numbered_frames(20));
  EXPECT_EQ(read_file(folder / "a.mp4"), read_file(folder / "b.mp4"));
  EXPECT_EQ(read_file(folder / "a.mp4").substr(4, 4), "ftyp");
}

TEST(VideoWriter, LowerQualityMakesSmallerFiles) {
  const TempDir folder;
  write_video(folder / "fine.mp4", numbered_frames(20), {.quality = 10});
  write_video(folder / "coarse.mp4", numbered_frames(20), {.quality = 45});
  EXPECT_LT(fs::file_size(folder / "coarse.mp4"), fs::file_size(folder / "fine.mp4"));
}

TEST(VideoWriter, RefusesFramesThatFormNoVideo) {
  const TempDir folder;
  const fs::path path = folder / "a.mp4";
  EXPECT_THROW(write_video(path, {}), std::logic_error);
  EXPECT_THROW(write_video(path, numbered_frames(2, 95, 64)), std::logic_error) << "odd width";
  EXPECT_THROW(write_video(path, {test::numbered_frame(0), test::numbered_frame(1, 64, 64)}),
               std::logic_error);
  EXPECT_THROW(write_video(path, numbered_frames(2), {.frames_per_second = 0}), std::logic_error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(VideoWriter, SaysWhereItCannotWrite) {
  try {
    write_video("/proc/no/such/folder/a.mp4", numbered_frames(2));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kCannotCreate);
  }
}

}  // namespace
}  // namespace vragent::media
