// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/drawing/clips.h"

#include <array>

#include "mini_world/drawing/shapes.h"

namespace mini_world {
namespace {

using vragent::RandomStream;

/// A run of frames of one kind.
struct Piece {
  FrameKind kind;
  std::int64_t length;
};

/// `length` frames in two pieces of at least one.
std::array<Piece, 2> cut(FrameKind kind, std::int64_t length, RandomStream& random) {
  const std::int64_t first = 1 + random.below(length - 1);
  return {Piece{kind, first}, Piece{kind, length - first}};
}

/// Spreads `count` transitions over `gaps` places.
std::vector<std::int64_t> spread(std::int64_t count, std::int64_t gaps, RandomStream& random) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(gaps));
  for (std::int64_t i = 0; i < count; ++i) ++result[static_cast<std::size_t>(random.below(gaps))];
  return result;
}

}  // namespace

std::string name_of(FrameKind kind) {
  static const std::array<std::string, 4> names = {"on_topic", "b_roll", "card", "transition"};
  return names[static_cast<std::size_t>(kind)];
}

std::vector<FrameKind> draw_layout(RandomStream& random) {
  const std::int64_t on_topic = 5 + random.below(5);
  const std::int64_t b_roll = 5 + random.below(4);
  const std::int64_t cards = 1 + random.below(3);
  const auto own = cut(FrameKind::kOnTopic, on_topic, random);
  const auto other = cut(FrameKind::kBRoll, b_roll, random);
  std::vector<Piece> pieces = {own[0], own[1], other[0], other[1]};
  random.shuffle(pieces);
  const auto gaps = spread(kFramesPerClip - on_topic - b_roll - cards, 3, random);

  std::vector<FrameKind> layout;
  const auto append = [&](FrameKind kind, std::int64_t count) {
    layout.insert(layout.end(), static_cast<std::size_t>(count), kind);
  };
  append(FrameKind::kCard, cards);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) append(FrameKind::kTransition, gaps[i - 1]);
    append(pieces[i].kind, pieces[i].length);
  }
  return layout;
}

ClipContent draw_content(const Attributes& own, const Attributes& b_roll, RandomStream& random) {
  return {.own = own,
          .b_roll = b_roll,
          .own_phase = random.uniform(),
          .b_roll_phase = random.uniform()};
}

Frame draw_frame(const ClipContent& content,
                 FrameKind kind,
                 std::int64_t position,
                 RandomStream& random) {
  const double moved = .23 * static_cast<double>(position);
  switch (kind) {
    case FrameKind::kOnTopic:
      return draw_scene(content.own, fraction(content.own_phase + moved), random);
    case FrameKind::kBRoll:
      return draw_scene(content.b_roll, fraction(content.b_roll_phase + moved), random);
    case FrameKind::kCard:
      return draw_card(random);
    case FrameKind::kTransition:
      return draw_transition(random);
  }
  return {};
}

std::vector<FrameKind> layout_of(std::int64_t seed, std::int64_t index) {
  RandomStream random = indexed_stream(seed, "layout", index);
  return draw_layout(random);
}

Clip draw_clip(const WorldItem& item, std::int64_t seed, std::int64_t index) {
  Clip clip = {.kinds = layout_of(seed, index), .frames = {}};
  RandomStream random = indexed_stream(seed, "video", index);
  const ClipContent content = draw_content(item.own, item.b_roll, random);
  for (std::size_t i = 0; i < clip.kinds.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    clip.frames.push_back(to_image(draw_frame(content, clip.kinds[i], position, random)));
  }
  return clip;
}

}  // namespace mini_world
