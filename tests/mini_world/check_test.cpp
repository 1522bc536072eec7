// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vragent/data/media_records.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace mini_world {
namespace {

using ::testing::ElementsAre;
using vragent::test::TempDir;

constexpr FrameKind kOn = FrameKind::kOnTopic;
constexpr FrameKind kOff = FrameKind::kBRoll;

/// Two items at one frame a second: a red cat jumping at the beach in a prank, twice.
Truth two_items() {
  const Attributes cat = {{0, 0, 0, 0, 1}};
  return {{"1", {cat, {kOn, kOn, kOn, kOff, kOff}, 1}},
          {"2", {cat, {kOff, kOn, kOff, kOff, kOff}, 1}}};
}

TEST(ItemTruth, KnowsWhatIsShownAtATime) {
  const ItemTruth item = {.own = {}, .frames = {kOff, kOn, kOff}, .frames_per_second = 5};
  EXPECT_EQ(item.kind_at(0.19), kOff);
  EXPECT_EQ(item.kind_at(0.2), kOn);
  EXPECT_EQ(item.kind_at(1.0 / 5 - 1e-9), kOn) << "rounding does not move a border";
  EXPECT_EQ(item.kind_at(99), kOff) << "after the end the last frame stays";
}

TEST(FrameShares, CountsFramesOnTopicByItem) {
  const FrameShares shares =
      frame_shares(two_items(), {{"1", {0.5, 1.5, 2.5, 3.5}}, {"2", {0.5, 2.5, 3.5, 4.5}}});
  EXPECT_EQ(shares.num_items, 2);
  EXPECT_DOUBLE_EQ(shares.on_topic, (.75 + 0) / 2);
  EXPECT_DOUBLE_EQ(shares.at_least_three, .5);
  EXPECT_DOUBLE_EQ(shares.none, .5);
}

TEST(FrameShares, RefusesAnItemOfAnotherWorld) {
  EXPECT_THROW(frame_shares(two_items(), {{"7", {0.5}}}), vragent::DataError);
}

TEST(SlotAccuracy, CountsTheFirstNamedWordAndMissesAsWrong) {
  const SlotAccuracy accuracy =
      slot_accuracy(two_items(),
                    {{"1", "this prank shows a red cat jumping at the beach ."},
                     {"2", "this video shows a red bird and a cat jumping in the snow ."}});
  EXPECT_THAT(accuracy.by_slot, ElementsAre(.5, 1, .5, 1, .5));
  EXPECT_DOUBLE_EQ(accuracy.mean(), .7);
}

/// Writes a world of one item with its frames.jsonl and captions.jsonl.
void write_world(const TempDir& folder) {
  vragent::write_file(folder / "truth.jsonl",
                      R"({"item_id":"1","subject":"cat","colour":"red","setting":"beach",)"
                      R"("activity":"jumping","genre":"prank","frames_per_second":1,)"
                      R"("frames":["card","on_topic","on_topic","on_topic","transition"]})"
                      "\n");
  vragent::write_file(folder / "mini_title_en.csv", "1,nobody expected this with a cat\n");
  const vragent::data::FramesRow frames = {.item_id = "1",
                                           .status = "ok",
                                           .video = "1.mp4",
                                           .duration_seconds = 5,
                                           .width = 112,
                                           .height = 112,
                                           .times_seconds = {.5, 1.5, 2.5, 3.5, 4.5},
                                           .files = {"a", "b", "c", "d", "e"},
                                           .scores = {0, 1, 2, 3, 4},
                                           .key_frames = {1, 2, 3, 4}};
  vragent::write_file(folder / "frames.jsonl", to_line(frames) + "\n");
  const vragent::data::CaptionRow caption = {
      .item_id = "1",
      .status = "ok",
      .title = "nobody expected this with a cat",
      .caption = "this prank shows a blue cat jumping at the beach .",
      .num_words = 10,
      .key_times_seconds = {.5, 4.5}};
  vragent::write_file(folder / "captions.jsonl", to_line(caption) + "\n");
}

TEST(CheckWorld, ReportsFramesAndCaptionsBesideTitles) {
  const TempDir folder;
  write_world(folder);
  const auto tables = check_world(
      {.world = folder.path(), .frames = folder / "frames.jsonl", .captions = {folder.path()}});
  ASSERT_EQ(tables.size(), 2U);
  ASSERT_EQ(tables[0].rows.size(), 2U);
  EXPECT_THAT(std::vector(tables[0].rows[0].begin() + 1, tables[0].rows[0].end()),
              ElementsAre("1", "0.750", "1.000", "0.000"));
  EXPECT_THAT(std::vector(tables[0].rows[1].begin() + 1, tables[0].rows[1].end()),
              ElementsAre("1", "0.000", "0.000", "1.000"))
      << "what the captions were made from";
  EXPECT_THAT(tables[1].rows[0],
              ElementsAre("titles", "1", "1.000", "0.000", "0.000", "0.000", "0.000", "0.200"));
  EXPECT_EQ(tables[1].rows[1].back(), "0.800");
}

TEST(CheckWorld, RefusesATruthThatIsNone) {
  const TempDir folder;
  vragent::write_file(folder / "truth.jsonl",
                      R"({"item_id":"1","subject":"dog"})"
                      "\n");
  EXPECT_THROW(load_truth(folder.path()), vragent::DataError);
}

TEST(CheckConfig, WantsAWorldAndSomethingToCheck) {
  EXPECT_THROW((CheckConfig{.frames = "x"}.check()), vragent::ConfigError);
  EXPECT_THROW((CheckConfig{.world = "x"}.check()), vragent::ConfigError);
}

}  // namespace
}  // namespace mini_world
