// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mini_world/drawing/clips.h"
#include "mini_world/drawing/render.h"
#include "mini_world/drawing/shapes.h"
#include "mini_world/drawing/subjects.h"

namespace mini_world {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;
using vragent::RandomStream;

Frame scene(const Attributes& what, std::uint64_t seed = 1) {
  RandomStream random(seed);
  return draw_scene(what, 0.3, random);
}

/// Mean absolute difference of two frames.
double distance(const Frame& a, const Frame& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels().size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) sum += std::abs(a.pixels()[i][c] - b.pixels()[i][c]);
  }
  return sum / static_cast<double>(a.pixels().size() * 3);
}

std::int64_t count(const std::vector<FrameKind>& kinds, FrameKind kind) {
  return std::count(kinds.begin(), kinds.end(), kind);
}

TEST(Shapes, HoldTheirInside) {
  EXPECT_TRUE((Ellipse{0, 0, 2, 1}.contains(1.9, 0)));
  EXPECT_FALSE((Ellipse{0, 0, 2, 1}.contains(0, 1.1)));
  EXPECT_TRUE((Rect{0, 1, 0, 2}.contains(.5, 1.9)));
  const Triangle triangle = {{0, 0}, {1, 0}, {0, 1}};
  EXPECT_TRUE(triangle.contains(.2, .2));
  EXPECT_FALSE(triangle.contains(.8, .8));
  EXPECT_TRUE(triangle.mirrored().contains(-.2, .2)) << "the other turning direction";
  EXPECT_DOUBLE_EQ(fraction(-.25), .75);
}

TEST(Subjects, AllCoverATenthOfTheirSquareAndHaveDetails) {
  for (int subject = 0; subject < 8; ++subject) {
    double body = 0;
    double detail = 0;
    for (int i = 0; i < 10000; ++i) {
      const double u = -1 + .02 * (i % 100);
      const double v = -1 + .02 * (i / 100);
      body += in_subject_body(subject, u, v) ? 1e-4 : 0;
      detail += in_subject_detail(subject, u, v) ? 1e-4 : 0;
    }
    EXPECT_THAT(body, AllOf(Ge(.1), Le(.6))) << subject;
    EXPECT_THAT(detail, AllOf(Ge(.004), Le(.2))) << subject;
  }
}

TEST(Subjects, AreUprightAndMirrored) {
  EXPECT_TRUE(in_subject_body(0, -.45, -.7)) << "left ear";
  EXPECT_TRUE(in_subject_body(0, .45, -.7)) << "right ear";
  EXPECT_FALSE(in_subject_body(0, 0, -.7)) << "between the ears";
  EXPECT_TRUE(in_subject_body(1, .9, .4)) << "the fish's tail is on the right";
  EXPECT_FALSE(in_subject_body(1, -.95, .4));
  EXPECT_TRUE(in_subject_body(7, 0, -.9)) << "the rocket's nose is up";
}

TEST(Scene, ShowsItsSubjectInItsColour) {
  for (int colour = 0; colour < 6; ++colour) {
    const Attributes car = {{3, colour, 5, 5, 0}};
    const Frame frame = scene(car);
    double best = 1;  // distance of the most similar pixel near the middle
    constexpr double kColours[6][3] = {{220, 40, 40},
                                       {240, 210, 40},
                                       {40, 180, 60},
                                       {50, 90, 230},
                                       {150, 50, 190},
                                       {245, 245, 245}};
    for (int row = 24; row < 40; ++row) {
      for (int column = 20; column < 36; ++column) {
        double sum = 0;
        for (std::size_t c = 0; c < 3; ++c) {
          sum += std::abs(frame.at(column, row)[c] - kColours[colour][c] / 255);
        }
        best = std::min(best, sum);
      }
    }
    EXPECT_LT(best, .25) << colour;
  }
}

TEST(Scene, DiffersInEveryVisibleAttributeButNotInGenre) {
  const Attributes base = {{0, 0, 0, 0, 0}};
  const Frame frame = scene(base);
  for (const Slot slot : {Slot::kSubject, Slot::kColour, Slot::kSetting, Slot::kActivity}) {
    Attributes other = base;
    other[slot] = 3;
    EXPECT_GT(distance(frame, scene(other)), .01) << name_of(slot);
  }
  Attributes other_genre = base;
  other_genre[Slot::kGenre] = 3;
  EXPECT_EQ(frame, scene(other_genre));
}

TEST(Scene, VariesInPlaceAndLight) {
  const Attributes what = {{5, 2, 1, 3, 0}};
  EXPECT_EQ(scene(what, 1), scene(what, 1));
  EXPECT_GT(distance(scene(what, 1), scene(what, 2)), .02);
}

TEST(Frames, StayWithinTheirRange) {
  RandomStream random(2);
  for (int i = 0; i < 48; ++i) {
    const Frame frame =
        augment(draw_scene(draw_attributes(random), random.uniform(), random), random);
    for (const Colour& pixel : frame.pixels()) EXPECT_THAT(pixel, Each(AllOf(Ge(0.F), Le(1.F))));
  }
}

TEST(Card, IsDarkWithTwoOrThreeBrightBars) {
  RandomStream random(2);
  const Frame card = draw_card(random);
  EXPECT_LT(card.at(2, 2)[0], .6);
  EXPECT_GT(card.at(10, 16)[0], .7) << "the first bar";
  EXPECT_GT(card.at(10, 27)[0], .7) << "the second bar";
  EXPECT_LT(card.at(10, 22)[0], .6) << "between them";
}

TEST(Augment, MovesAndShiftsButKeepsTheScene) {
  RandomStream random(4);
  const Frame frame = scene({{2, 0, 3, 4, 0}});
  bool changed = false;
  for (int i = 0; i < 8; ++i) {
    const double moved = distance(frame, augment(frame, random));
    changed = changed || moved > .01;
    EXPECT_LT(moved, .4);
  }
  EXPECT_TRUE(changed);
}

TEST(ToImage, DrawsEveryPixelAsABlock) {
  Frame frame;
  frame.at(3, 5) = {1.F, .5F, 0.F};
  const auto image = to_image(frame);
  EXPECT_EQ(image.width, 112);
  EXPECT_EQ(image.height, 112);
  for (const std::size_t pixel : {10U * 112 + 6, 10U * 112 + 7, 11U * 112 + 6, 11U * 112 + 7}) {
    EXPECT_EQ(image.rgb[pixel * 3], 255);
    EXPECT_EQ(image.rgb[pixel * 3 + 1], 128);
    EXPECT_EQ(image.rgb[pixel * 3 + 2], 0);
  }
  EXPECT_EQ(image.rgb[(10U * 112 + 8) * 3], 0);
}

TEST(Layout, HasTwentyFramesWithCardsFirst) {
  double on_topic = 0;
  for (int i = 0; i < 600; ++i) {
    const auto kinds = layout_of(11, i);
    ASSERT_EQ(kinds.size(), 20U);
    const auto cards = count(kinds, FrameKind::kCard);
    EXPECT_THAT(cards, AllOf(Ge(1), Le(3)));
    EXPECT_EQ(std::count(kinds.begin(), kinds.begin() + cards, FrameKind::kCard), cards);
    EXPECT_THAT(count(kinds, FrameKind::kOnTopic), AllOf(Ge(5), Le(9)));
    EXPECT_THAT(count(kinds, FrameKind::kBRoll), AllOf(Ge(5), Le(8)));
    on_topic += static_cast<double>(count(kinds, FrameKind::kOnTopic)) / 20;
  }
  EXPECT_NEAR(on_topic / 600, .352, .02) << "the share that the specification measured";
}

TEST(Clip, ShowsWhatItsLayoutSays) {
  const auto items = draw_items(11, 3);
  const Clip clip = draw_clip(items[1], 11, 1);
  EXPECT_EQ(clip.kinds, layout_of(11, 1));
  EXPECT_EQ(clip.frames.size(), 20U);
  EXPECT_EQ(clip.frames[0].rgb, draw_clip(items[1], 11, 1).frames[0].rgb);
  EXPECT_NE(clip.frames[0].rgb, draw_clip(items[1], 12, 1).frames[0].rgb);
}

}  // namespace
}  // namespace mini_world
