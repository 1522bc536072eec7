// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "media/demuxer.h"

#include <gtest/gtest.h>

#include "support/synthetic_video.h"
#include "support/temp_dir.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/error.h"

namespace vragent::media {
namespace {

/// 120 frames with B-frames and a key frame every 40.
class DemuxerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_video(path_, test::numbered_frames(120), {.key_frame_interval = 40});
  }

  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "a.mp4";
};

TEST_F(DemuxerTest, KnowsEveryPacketAfterOpening) {
  Demuxer demuxer(path_, {});
  ASSERT_EQ(demuxer.packets().size(), 120U);
  ASSERT_EQ(demuxer.shown().size(), 120U);
  std::vector<std::size_t> keys;
  for (std::size_t i = 0; i < 120; ++i) {
    if (demuxer.packets()[i].is_key) keys.push_back(i);
  }
  EXPECT_EQ(keys, (std::vector<std::size_t>{0, 40, 80}));
  EXPECT_TRUE(demuxer.problem().empty());
}

TEST_F(DemuxerTest, OrdersTheFramesByTheTimeTheyAreShown) {
  Demuxer demuxer(path_, {});
  bool is_reordered = false;
  for (std::size_t i = 0; i < 120; ++i) {
    const PacketRecord& record = demuxer.packets()[demuxer.shown()[i]];
    EXPECT_EQ(record.rank, static_cast<std::int64_t>(i));
    EXPECT_NEAR(
        static_cast<double>(record.pts) * av_q2d(demuxer.stream().time_base), i / 5.0, 1e-9);
    is_reordered = is_reordered || demuxer.shown()[i] != i;
  }
  EXPECT_TRUE(is_reordered) << "the test wants B-frames";
}

TEST_F(DemuxerTest, FindsTheKeyFrameBefore) {
  Demuxer demuxer(path_, {});
  EXPECT_EQ(demuxer.key_before(0), 0U);
  EXPECT_EQ(demuxer.key_before(39), 0U);
  EXPECT_EQ(demuxer.key_before(40), 40U);
  EXPECT_EQ(demuxer.key_before(119), 80U);
}

TEST_F(DemuxerTest, GoesToAnyPacketForwardsAndBackwards) {
  Demuxer demuxer(path_, {});
  const PacketPtr packet = make_packet();
  for (const std::size_t index : {80, 40, 41, 43, 119, 0, 1, 90}) {
    demuxer.go_to(index);
    EXPECT_EQ(demuxer.position(), index);
    ASSERT_TRUE(demuxer.read(*packet)) << index;
    EXPECT_EQ(packet->pts, demuxer.packets()[index].pts) << index;
  }
}

TEST_F(DemuxerTest, EndsAfterTheLastPacket) {
  Demuxer demuxer(path_, {});
  demuxer.go_to(119);
  const PacketPtr packet = make_packet();
  EXPECT_TRUE(demuxer.read(*packet));
  EXPECT_FALSE(demuxer.read(*packet));
  EXPECT_FALSE(demuxer.read(*packet));
}

TEST_F(DemuxerTest, KeepsItsLimits) {
  EXPECT_THROW(Demuxer(path_, {.timeout_seconds = 0}), DataError);
  EXPECT_THROW(Demuxer(path_, {.max_packets = 119}), DataError);
  EXPECT_THROW(Demuxer(path_, {.max_pixels = 96 * 64 - 1}), DataError);
  EXPECT_NO_THROW(Demuxer(path_, {.max_packets = 121, .max_pixels = 96 * 64}));
}

}  // namespace
}  // namespace vragent::media
