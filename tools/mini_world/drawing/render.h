// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Draws the mini world's frames: a scene (setting, subject in its colour, cue of its activity), a
// title card, a transition. Frames are 56 x 56 floats in [0, 1]; as images they are shown twice as
// large, each pixel as a 2 x 2 block, so that 4:2:0 video and JPEG keep every colour.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "mini_world/world.h"
#include "vragent/media/image.h"
#include "vragent/util/random.h"

namespace mini_world {

inline constexpr int kFrameSide = 56;
inline constexpr int kImageScale = 2;

/// RGB in [0, 1].
using Colour = std::array<float, 3>;

/// One frame, rows top to bottom.
class Frame {
 public:
  Frame() : pixels_(static_cast<std::size_t>(kFrameSide) * kFrameSide) {}

  [[nodiscard]] const Colour& at(int column, int row) const { return pixels_[index(column, row)]; }

  Colour& at(int column, int row) { return pixels_[index(column, row)]; }

  [[nodiscard]] const std::vector<Colour>& pixels() const { return pixels_; }

  std::vector<Colour>& pixels() { return pixels_; }

  bool operator==(const Frame&) const = default;

 private:
  static std::size_t index(int column, int row) {
    return static_cast<std::size_t>(row) * kFrameSide + static_cast<std::size_t>(column);
  }

  std::vector<Colour> pixels_;
};

/// The scene of `what` at a moment of its motion. Place, size, light and noise come from `random`.
/// @param phase  of the motion, in [0, 1)
Frame draw_scene(const Attributes& what, double phase, vragent::RandomStream& random);

/// A dark flat card with two or three white bars for text.
Frame draw_card(vragent::RandomStream& random);

/// A blend of two random colours along x or y.
Frame draw_transition(vragent::RandomStream& random);

/// Augmentation for training: mirrored or not, rolled by up to 3 pixels, brightness .85-1.15, each
/// channel shifted by up to .1.
Frame augment(const Frame& frame, vragent::RandomStream& random);

/// 8 bits a channel, kImageScale times as large (112 x 112).
vragent::media::Image to_image(const Frame& frame);

}  // namespace mini_world
