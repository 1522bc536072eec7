// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// On videos written here, whose frames carry their number.
#include "vragent/media/video_reader.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "media/turn.h"
#include "support/synthetic_video.h"
#include "support/temp_dir.h"
#include "vragent/media/frame_sampler.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/random.h"

namespace vragent::media {
namespace {

namespace fs = std::filesystem;

using test::numbered_frames;
using test::TempDir;
using ::testing::HasSubstr;

/// The number on the frame that was picked for each time.
std::vector<int> numbers_at(VideoReader& reader, const std::vector<double>& seconds) {
  const SampledFrames sampled = reader.frames_at(seconds);
  std::vector<int> numbers;
  for (const FramePick& pick : sampled.picks) {
    numbers.push_back(test::number_on(sampled.frames[pick.frame].image()));
  }
  return numbers;
}

std::string open_error(const fs::path& path, const VideoReaderOptions& options = {}) {
  try {
    const VideoReader reader(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(VideoReader, DescribesItsStream) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(30), {.frames_per_second = 29.97});
  const VideoInfo info = VideoReader(folder / "a.mp4").info();
  EXPECT_EQ(info.width, 96);
  EXPECT_EQ(info.height, 64);
  EXPECT_NEAR(info.duration_seconds, 30 / 29.97, 1e-6);
  EXPECT_NEAR(info.header_duration_seconds, 30 / 29.97, 1e-3);
  EXPECT_NEAR(info.frames_per_second, 29.97, 1e-6);
  EXPECT_EQ(info.start_seconds, 0.0);
  EXPECT_EQ(info.num_frames, 30);
  EXPECT_EQ(info.rotation_degrees, 0);
  EXPECT_EQ(info.codec, "h264");
  EXPECT_EQ(info.problem, "");
}

struct Coding {
  int num_frames;
  int key_frame_interval;
  double frames_per_second;
};

class UniformFrames : public ::testing::TestWithParam<Coding> {};

TEST_P(UniformFrames, AreTheOnesShownAtTheirTimes) {
  const auto [num_frames, interval, rate] = GetParam();
  const TempDir folder;
  write_video(folder / "a.mp4",
              numbered_frames(num_frames),
              {.frames_per_second = rate, .key_frame_interval = interval});
  VideoReader reader(folder / "a.mp4");
  for (const int count : {1, 5, 16, 37}) {
    const std::vector<double> times = uniform_timestamps(reader.info().duration_seconds, count);
    std::vector<int> expected;
    for (const double time : times) {
      expected.push_back(static_cast<int>(std::floor(time * rate + 1e-6)));
    }
    EXPECT_EQ(numbers_at(reader, times), expected) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(Codings,
                         UniformFrames,
                         ::testing::Values(Coding{60, 1, 5.0},
                                           Coding{100, 12, 5.0},
                                           Coding{300, 250, 25.0},
                                           Coding{400, 400, 29.97},
                                           Coding{7, 3, 0.5}));

TEST(VideoReader, FindsEachFrameByItsOwnTime) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(40), {.frames_per_second = 23.976});
  VideoReader reader(folder / "a.mp4");
  std::vector<double> times;
  std::vector<int> expected;
  for (int i = 0; i < 40; ++i) {
    times.push_back(i / 23.976);
    expected.push_back(i);
  }
  EXPECT_EQ(numbers_at(reader, times), expected);
  const SampledFrames sampled = reader.frames_at(times);
  for (std::size_t i = 0; i < 40; ++i)
    EXPECT_NEAR(sampled.frames[i].time_seconds(), times[i], 1e-6);
}

TEST(VideoReader, LaysTurnedVideosUpright) {
  const TempDir folder;
  for (const int degrees : {90, 180, 270}) {
    // Stored turned the other way, so that the turn on display brings the numbers upright.
    const Turn stored_turn = turn_from_exif(degrees == 90 ? 6 : degrees == 180 ? 3 : 8);
    std::vector<Image> stored;
    for (const Image& frame : numbered_frames(6)) stored.push_back(turned(frame, stored_turn));
    write_video(folder / "a.mp4", stored, {.rotation_degrees = degrees});
    VideoReader reader(folder / "a.mp4");
    EXPECT_EQ(reader.info().rotation_degrees, degrees);
    EXPECT_EQ(reader.info().width, 96);
    EXPECT_EQ(reader.info().height, 64);
    EXPECT_EQ(numbers_at(reader, {0.1, 0.3, 0.5, 0.7, 0.9, 1.1}),
              (std::vector<int>{0, 1, 2, 3, 4, 5}))
        << degrees;
  }
}

TEST(VideoReader, ReadsAVideoOfOneFrame) {
  const TempDir folder;
  write_video(folder / "a.mp4", {test::numbered_frame(77)});
  VideoReader reader(folder / "a.mp4");
  EXPECT_EQ(reader.info().num_frames, 1);
  const SampledFrames sampled =
      reader.frames_at(uniform_timestamps(reader.info().duration_seconds, 3));
  ASSERT_EQ(sampled.frames.size(), 1U);
  EXPECT_EQ(test::number_on(sampled.frames[0].image()), 77);
  for (const FramePick& pick : sampled.picks) {
    EXPECT_EQ(pick.frame, 0U);
    EXPECT_FALSE(pick.is_stand_in);
  }
}

TEST(VideoReader, GivesARepeatedFrameOnce) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(3), {.frames_per_second = 1});
  VideoReader reader(folder / "a.mp4");
  const SampledFrames sampled = reader.frames_at(uniform_timestamps(3.0, 6));
  EXPECT_EQ(sampled.frames.size(), 3U);
  std::vector<std::size_t> picked;
  for (const FramePick& pick : sampled.picks) picked.push_back(pick.frame);
  EXPECT_EQ(picked, (std::vector<std::size_t>{0, 0, 1, 1, 2, 2}));
}

TEST(VideoReader, MarksTimesOutsideTheVideo) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(4), {.frames_per_second = 1});
  VideoReader reader(folder / "a.mp4");
  const std::vector<double> times{-5.0, 0.5, 3.9, 4.0, 1e9};
  EXPECT_EQ(numbers_at(reader, times), (std::vector<int>{0, 0, 3, 3, 3}));
  const SampledFrames sampled = reader.frames_at(times);
  EXPECT_FALSE(sampled.picks[2].is_stand_in);
  EXPECT_TRUE(sampled.picks[3].is_stand_in);
  EXPECT_TRUE(sampled.picks[4].is_stand_in);
}

TEST(VideoReader, MayBeAskedAgainForEarlierTimes) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(100), {.frames_per_second = 1});
  VideoReader reader(folder / "a.mp4");
  EXPECT_EQ(numbers_at(reader, {90.5, 99.5}), (std::vector<int>{90, 99}));
  EXPECT_EQ(numbers_at(reader, {3.5, 50.5}), (std::vector<int>{3, 50}));
  EXPECT_TRUE(numbers_at(reader, {}).empty());
}

TEST(VideoReader, RefusesUnsortedTimes) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(3));
  VideoReader reader(folder / "a.mp4");
  EXPECT_THROW(numbers_at(reader, {0.3, 0.1}), std::logic_error);
  EXPECT_THROW(numbers_at(reader, {std::nan("")}), std::logic_error);
}

TEST(VideoReader, KeepsFramesAfterTheReaderIsGone) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(50));
  SampledFrames sampled;
  {
    VideoReader reader(folder / "a.mp4");
    sampled = reader.frames_at(std::vector<double>{1.0, 9.0});
  }
  EXPECT_EQ(test::number_on(sampled.frames[0].image({.short_side = 32})), 5);
  const Image small = sampled.frames[1].image({.short_side = 32});
  EXPECT_EQ(small.width, 48);
  EXPECT_EQ(small.height, 32);
  EXPECT_EQ(test::number_on(small), 45);
}

TEST(VideoReader, OpensFilesWithOddNames) {
  const TempDir folder;
  for (const std::string name :
       {"-x.mp4", "a b\nc.mp4", "http:a.mp4", "%03d.mp4", "caf\xE9", "😀.mp4"}) {
    write_video(folder / name, numbered_frames(2));
    EXPECT_EQ(VideoReader(folder / name).info().num_frames, 2) << name;
  }
}

TEST(VideoReader, OpensALeadingDashFromTheWorkingFolder) {
  const TempDir folder;
  write_video(folder / "-x.mp4", numbered_frames(2));
  const fs::path old = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_EQ(VideoReader("-x.mp4").info().num_frames, 2);
  fs::current_path(old);
}

TEST(VideoReader, NamesWhatIsNoVideo) {
  const TempDir folder;
  EXPECT_THAT(open_error(folder / "gone.mp4"), HasSubstr("gone.mp4: cannot open"));
  EXPECT_THAT(open_error(folder.path()), HasSubstr("not a file"));
  ASSERT_EQ(::mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  EXPECT_THAT(open_error(folder / "pipe.mp4"), HasSubstr("not a file"));
  write_file(folder / "empty.mp4", "");
  EXPECT_THAT(open_error(folder / "empty.mp4"), HasSubstr("empty.mp4: cannot open video"));
  write_file(folder / "text.mp4", std::string(5000, 'x'));
  EXPECT_THAT(open_error(folder / "text.mp4"), HasSubstr("Invalid data found"));
}

TEST(VideoReader, OpensNoOtherFilesThatAFileNames) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(2));
  write_file(folder / "list.ffconcat", "ffconcat version 1.0\nfile a.mp4\n");
  EXPECT_THAT(open_error(folder / "list.ffconcat"), HasSubstr("cannot open video"));
  write_file(folder / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n");
  EXPECT_THAT(open_error(folder / "list.m3u8"), HasSubstr("cannot open video"));
}

TEST(VideoReader, StopsAtItsLimits) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(20));
  EXPECT_THAT(open_error(folder / "a.mp4", {.timeout_seconds = 0}),
              HasSubstr("limit of 0 seconds"));
  EXPECT_THAT(open_error(folder / "a.mp4", {.max_packets = 5}), HasSubstr("more than 5 packets"));
  EXPECT_THAT(open_error(folder / "a.mp4", {.max_pixels = 100}), HasSubstr("96x64"));
}

TEST(VideoReader, RefusesACutFileOrReadsItRight) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(20));
  const std::string whole = read_file(folder / "a.mp4");
  int num_refused = 0;
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    write_file(folder / "cut.mp4", whole.substr(0, size));
    const std::string error = open_error(folder / "cut.mp4");
    if (error == "no error") {  // only the last bytes of the index are gone
      VideoReader reader(folder / "cut.mp4");
      EXPECT_EQ(numbers_at(reader, {0.1, 3.9}), (std::vector<int>{0, 19})) << size;
    } else {
      EXPECT_THAT(error, HasSubstr("cut.mp4: "));
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 10) << "the index is at the end of the file";
}

TEST(VideoReader, GivesFramesOrAnErrorForDamagedFiles) {
  const TempDir folder;
  write_video(folder / "a.mp4", numbered_frames(60));
  const std::string whole = read_file(folder / "a.mp4");
  RandomStream random(7);
  int num_read = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::string damaged = whole;
    for (std::size_t i = 0; i < whole.size() / 250; ++i) {
      damaged[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(whole.size())))] =
          static_cast<char>(random.below(256));
    }
    write_file(folder / "b.mp4", damaged);
    try {
      VideoReader reader(folder / "b.mp4", {.timeout_seconds = 10});
      const double duration = std::min(reader.info().duration_seconds, 1e6);
      const SampledFrames sampled = reader.frames_at(uniform_timestamps(duration, 8));
      EXPECT_EQ(sampled.picks.size(), 8U);
      for (const VideoFrame& frame : sampled.frames) EXPECT_FALSE(frame.image().empty());
      ++num_read;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("b.mp4: "));
    }
  }
  EXPECT_GT(num_read, 20);
}

}  // namespace
}  // namespace vragent::media
