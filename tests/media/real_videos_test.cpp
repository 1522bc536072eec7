// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// VideoReader on clips that others made: phones, odd containers, broken files.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/shared_data.h"
#include "support/temp_dir.h"
#include "vragent/media/frame_sampler.h"
#include "vragent/media/video_reader.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"

namespace vragent::media {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

class RealVideos : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::optional<fs::path> folder = test::shared_data("data/videos");
    if (!folder) GTEST_SKIP() << "shared test data is absent";
    folder_ = *folder;
  }

  /// Every clip, the audio-only one included.
  [[nodiscard]] std::vector<fs::path> all() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      const std::string suffix = entry.path().extension().string();
      if (suffix == ".mp4" || suffix == ".mov" || suffix == ".mkv") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  /// Asks for the middle of each frame; expects the frames of a *.all_frames_info.json.
  void expect_listed_frames(const std::string& video, const std::string& list) const {
    const fs::path path = folder_ / list;
    const Json frames = parse_json(read_file(path), path.string());
    std::vector<double> starts;
    std::vector<double> times;
    for (const Json& frame : frames) {
      starts.push_back(std::stod(frame["pts_time"].get<std::string>()));
      times.push_back(starts.back() + std::stod(frame["duration_time"].get<std::string>()) / 2);
    }
    VideoReader reader(folder_ / video);
    ASSERT_EQ(reader.info().num_frames, static_cast<std::int64_t>(times.size()));
    const SampledFrames sampled = reader.frames_at(times);
    ASSERT_EQ(sampled.frames.size(), times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
      EXPECT_NEAR(sampled.frames[i].time_seconds(), starts[i], 2e-6) << i;
      EXPECT_FALSE(sampled.picks[i].is_stand_in) << i;
    }
  }

  fs::path folder_;
};

TEST_F(RealVideos, ShowTheListedFrameAtEachTime) {
  expect_listed_frames("torchcodec/nasa_13013.mp4",
                       "torchcodec/nasa_13013.mp4.stream3.all_frames_info.json");
  expect_listed_frames("torchcodec/nasa_13013_rotated.mp4",
                       "torchcodec/nasa_13013_rotated.mp4.stream0.all_frames_info.json");
}

TEST_F(RealVideos, ShowTheSameFrameFromSeekingAndFromReadingThrough) {
  for (const char* name : {"torchcodec/nasa_13013.mp4",
                           "intel/bottle-detection.mp4",
                           "androidx/h265_bframes.mp4",
                           "torchcodec/av1_video.mkv"}) {
    VideoReader reader(folder_ / name);
    const std::vector<double> sparse = uniform_timestamps(reader.info().duration_seconds, 5);
    const SampledFrames far = reader.frames_at(sparse);
    // Every tenth of a second: no gap is worth a seek.
    std::vector<double> dense;
    for (double t = 0; t < reader.info().duration_seconds; t += 0.1) dense.push_back(t);
    dense.insert(dense.end(), sparse.begin(), sparse.end());
    std::sort(dense.begin(), dense.end());
    const SampledFrames near = reader.frames_at(dense);
    for (std::size_t i = 0; i < sparse.size(); ++i) {
      const auto at = std::find(dense.begin(), dense.end(), sparse[i]) - dense.begin();
      const std::size_t frame = near.picks[static_cast<std::size_t>(at)].frame;
      EXPECT_EQ(far.frames[far.picks[i].frame].image({.short_side = 64}).rgb,
                near.frames[frame].image({.short_side = 64}).rgb)
          << name << " at " << sparse[i];
    }
  }
}

TEST_F(RealVideos, ChooseTheBestStreamAndKeepItsClock) {
  const VideoInfo nasa = VideoReader(folder_ / "torchcodec/nasa_13013.mp4").info();
  EXPECT_EQ(nasa.width, 480);
  EXPECT_EQ(nasa.height, 270);
  const VideoInfo late = VideoReader(folder_ / "torchcodec/test_non_zero_start.mp4").info();
  EXPECT_NEAR(late.start_seconds, 8.333, 1e-3);
  EXPECT_NEAR(late.duration_seconds, 0.4, 1e-3);
  EXPECT_EQ(late.width, 200) << "a pixel aspect of 224:225 is a rounding error";
}

TEST_F(RealVideos, ReadEveryCodecAndContainer) {
  const std::map<std::string, std::string> codecs{{"torchcodec/av1_video.mkv", "av1"},
                                                  {"torchcodec/h265_video.mp4", "hevc"},
                                                  {"androidx/h265_bframes.mp4", "hevc"},
                                                  {"torchcodec/h264_10bits.mp4", "h264"},
                                                  {"torchcodec/bt709_full_range.mp4", "h264"},
                                                  {"androidx/sample_fragmented.mp4", "h264"},
                                                  {"intel/asl_eat.mkv", "h264"}};
  for (const auto& [name, codec] : codecs) {
    VideoReader reader(folder_ / name);
    EXPECT_EQ(reader.info().codec, codec) << name;
    const SampledFrames sampled =
        reader.frames_at(uniform_timestamps(reader.info().duration_seconds, 8));
    EXPECT_EQ(sampled.frames.size(), 8U) << name;
    EXPECT_EQ(sampled.problem, "") << name;
    for (const FramePick& pick : sampled.picks) EXPECT_FALSE(pick.is_stand_in) << name;
  }
}

TEST_F(RealVideos, LayPhoneVideosUpright) {
  const std::map<std::string, int> degrees{
      {"video_0.mov", 0}, {"video_90.mov", 270}, {"video_180.mov", 180}, {"video_270.mov", 90}};
  for (const auto& [name, expected] : degrees) {
    VideoReader reader(folder_ / "decord" / name);
    const bool is_portrait = expected % 180 == 90;
    EXPECT_EQ(reader.info().rotation_degrees, expected) << name;
    EXPECT_EQ(reader.info().num_frames, 3) << name;
    EXPECT_EQ(reader.info().width, is_portrait ? 320 : 568) << name;
    const Image image = reader.frames_at(std::vector<double>{0.0}).frames[0].image();
    EXPECT_EQ(image.width, reader.info().width) << name;
    EXPECT_EQ(image.height, is_portrait ? 568 : 320) << name;
  }
}

TEST_F(RealVideos, AudioAloneIsNoVideo) {
  try {
    const VideoReader reader(folder_ / "androidx/sample_audio_only.mp4");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("sample_audio_only.mp4: no video stream"));
  }
}

TEST_F(RealVideos, AnEarlierFrameStandsInForABrokenOne) {
  VideoReader reader(folder_ / "androidx/sample_with_invalid_nalu.mp4");
  ASSERT_EQ(reader.info().num_frames, 30);
  const SampledFrames sampled =
      reader.frames_at(uniform_timestamps(reader.info().duration_seconds, 30));
  EXPECT_EQ(sampled.frames.size(), 29U);
  EXPECT_EQ(std::ranges::count(sampled.picks, true, &FramePick::is_stand_in), 1);
  EXPECT_THAT(sampled.problem, HasSubstr("Invalid data found"));
}

TEST_F(RealVideos, SixteenFramesOfALongVideoTakeSeconds) {
  const auto begin = std::chrono::steady_clock::now();
  VideoReader reader(folder_ / "androidx/long_1080p_lowbitrate.mp4");
  EXPECT_EQ(reader.info().num_frames, 10883);
  const SampledFrames sampled =
      reader.frames_at(uniform_timestamps(reader.info().duration_seconds, 16));
  for (const VideoFrame& frame : sampled.frames)
    EXPECT_EQ(frame.image({.short_side = 224}).height, 224);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::cout << "16 of 10,883 frames of 1080p: " << seconds.count() << " s\n";
  EXPECT_EQ(sampled.frames.size(), 16U);
  EXPECT_LT(seconds.count(), 40) << "one thread; 2 s on an idle machine";
}

/// Opens and samples a file that may be broken in any way. @return frames got, or -1 for a
/// DataError
int sample_broken(const fs::path& path) {
  try {
    VideoReader reader(path, {.timeout_seconds = 10, .max_packets = 100'000});
    const double duration = std::min(reader.info().duration_seconds, 1e6);
    const SampledFrames sampled = reader.frames_at(uniform_timestamps(duration, 3));
    EXPECT_EQ(sampled.picks.size(), 3U);
    for (const VideoFrame& frame : sampled.frames) {
      EXPECT_FALSE(frame.image({.short_side = 32}).empty());
    }
    return static_cast<int>(sampled.frames.size());
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path.string()));
    return -1;
  }
}

TEST_F(RealVideos, CutAnywhereGiveFramesOrAnError) {
  const test::TempDir folder;
  int num_partial = 0;
  for (const fs::path& path : all()) {
    const std::string whole = read_file(path);
    for (std::size_t percent = 0; percent < 100; percent += 10) {
      const fs::path cut = folder / ("cut" + path.extension().string());
      write_file(cut, whole.substr(0, whole.size() * percent / 100));
      num_partial += sample_broken(cut) > 0 ? 1 : 0;
    }
  }
  EXPECT_GT(num_partial, 40) << "Matroska, fragmented files and those with the index in front";
}

TEST_F(RealVideos, DamagedAnywhereGiveFramesOrAnError) {
  const test::TempDir folder;
  RandomStream random(11);
  for (const fs::path& path : all()) {
    const std::string whole = read_file(path);
    if (whole.size() > 300'000) continue;
    for (int trial = 0; trial < 3; ++trial) {
      std::string damaged = whole;
      for (std::size_t i = 0; i < whole.size() / 250; ++i) {
        const auto place = random.below(static_cast<std::int64_t>(whole.size()));
        damaged[static_cast<std::size_t>(place)] = static_cast<char>(random.below(256));
      }
      const fs::path broken = folder / ("broken" + path.extension().string());
      write_file(broken, damaged);
      sample_broken(broken);
    }
  }
}

}  // namespace
}  // namespace vragent::media
