// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One video of the mini world: 20 frames, of which only about a third show what it is about.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mini_world/drawing/render.h"
#include "mini_world/world.h"
#include "vragent/media/image.h"
#include "vragent/util/random.h"

namespace mini_world {

enum class FrameKind { kOnTopic, kBRoll, kCard, kTransition };

/// "on_topic", "b_roll", "card", "transition".
std::string name_of(FrameKind kind);

inline constexpr std::int64_t kFramesPerClip = 20;
inline constexpr double kFramesPerSecond = 5;

/// The order of a clip's frames: 1-3 cards, then 5-9 frames on topic and 5-8 of b-roll, each cut in
/// two pieces and the four pieces shuffled, with the remaining frames as transitions between them.
std::vector<FrameKind> draw_layout(vragent::RandomStream& random);

/// What moves in a clip: the content, the b-roll, and where in its motion each starts.
struct ClipContent {
  Attributes own;
  Attributes b_roll;
  double own_phase = 0;
  double b_roll_phase = 0;
};

ClipContent draw_content(const Attributes& own,
                         const Attributes& b_roll,
                         vragent::RandomStream& random);

/// The frame at `position` (from 0) of a clip.
Frame draw_frame(const ClipContent& content,
                 FrameKind kind,
                 std::int64_t position,
                 vragent::RandomStream& random);

struct Clip {
  std::vector<FrameKind> kinds;
  std::vector<vragent::media::Image> frames;
};

/// The video of item number `index` (from 0).
Clip draw_clip(const WorldItem& item, std::int64_t seed, std::int64_t index);

/// The kinds of draw_clip()'s frames without drawing them.
std::vector<FrameKind> layout_of(std::int64_t seed, std::int64_t index);

}  // namespace mini_world
