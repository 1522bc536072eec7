// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/drawing/render.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mini_world/drawing/shapes.h"
#include "mini_world/drawing/subjects.h"

namespace mini_world {
namespace {

using vragent::RandomStream;

enum Setting { kBeach, kForest, kCity, kSnow, kNight, kKitchen };

enum Activity { kJumping, kSpinning, kRacing, kDancing, kSleeping, kEating };

constexpr double kTurn = 2 * std::numbers::pi;

constexpr Colour grey(float level) {
  return {level, level, level};
}

double centre_of(int index) {
  return (index + .5) / kFrameSide;
}

/// Colours every pixel whose centre is in the mask.
template <class Mask>
void paint(Frame& frame, const Colour& colour, const Mask& mask) {
  for (int row = 0; row < kFrameSide; ++row) {
    const double y = centre_of(row);
    for (int column = 0; column < kFrameSide; ++column) {
      if (mask(centre_of(column), y)) frame.at(column, row) = colour;
    }
  }
}

template <class Shape>
void paint_shape(Frame& frame, const Colour& colour, const Shape& shape) {
  paint(frame, colour, [&](double x, double y) { return shape.contains(x, y); });
}

void fill(Frame& frame, const Colour& colour) {
  std::fill(frame.pixels().begin(), frame.pixels().end(), colour);
}

void paint_below(Frame& frame, const Colour& colour, double top) {
  paint(frame, colour, [top](double, double y) { return y > top; });
}

/// What differs between two frames of one setting.
struct Scenery {
  double offset;  ///< of the horizon, -.05 .. .05
  double phase;   ///< of what repeats along x, 0 .. 1
};

void draw_beach(Frame& frame, const Scenery& at) {
  fill(frame, {.55F, .8F, .95F});
  paint_below(frame, {.2F, .5F, .75F}, .5 + at.offset);
  paint_below(frame, {.9F, .8F, .55F}, .66 + at.offset);
  paint_shape(frame, {1.F, .9F, .3F}, disc(.1 + .8 * at.phase, .14, .09));
}

void draw_forest(Frame& frame, const Scenery& at) {
  fill(frame, {.25F, .45F, .25F});
  paint(frame, {.35F, .22F, .1F}, [&](double x, double y) {
    const double shifted = x + at.phase;
    return shifted - .25 * std::floor(shifted / .25) < .07 && y < .75;
  });
  paint_below(frame, {.2F, .3F, .12F}, .75 + at.offset);
}

void draw_city(Frame& frame, const Scenery& at) {
  fill(frame, {.7F, .72F, .78F});
  for (int tower = 0; tower < 5; ++tower) {
    const double top = .25 + .4 * fraction(.618 * tower + at.phase);
    const Rect walls = {.2 * tower + .01, .2 * tower + .18, top, .85};
    paint_shape(frame, {.42F, .42F, .47F}, walls);
    paint(frame, {.85F, .8F, .5F}, [&](double x, double y) {
      return walls.contains(x, y) && 2 * fraction(14 * x) < .9 && 2 * fraction(10 * y) < .9;
    });
  }
  paint_below(frame, {.25F, .25F, .27F}, .85);
}

void draw_snow(Frame& frame, const Scenery& at) {
  fill(frame, {.78F, .85F, .93F});
  paint_below(frame, {.93F, .95F, .98F}, .62 + at.offset);
  paint(frame, grey(1.F), [&](double x, double y) {
    const double u = fraction(7 * x + 3 * at.phase) - .5;
    const double v = fraction(7 * y + at.phase) - .5;
    return u * u + v * v < .025;
  });
}

void draw_night(Frame& frame, const Scenery& at) {
  fill(frame, {.04F, .04F, .14F});
  paint(frame, {.95F, .95F, .8F}, [&](double x, double y) {
    return fraction(9 * x + 4 * y + at.phase) < .12 && fraction(8 * y - 3 * x + at.phase) < .14;
  });
  paint_shape(frame, {.85F, .85F, .8F}, disc(.1 + .8 * at.phase, .15, .1));
  paint_below(frame, {.1F, .1F, .12F}, .85 + at.offset);
}

void draw_kitchen(Frame& frame, const Scenery& at) {
  fill(frame, {.95F, .9F, .82F});
  paint(frame, {.7F, .62F, .55F}, [](double x, double y) {
    return fraction(8 * x) < .1 || fraction(8 * y) < .1;
  });
  paint_below(frame, {.55F, .35F, .2F}, .72 + at.offset);
}

void draw_background(Frame& frame, int setting, RandomStream& random) {
  static constexpr std::array kDrawers = {
      draw_beach, draw_forest, draw_city, draw_snow, draw_night, draw_kitchen};
  const double offset = random.uniform(-.05, .05);
  const double phase = random.uniform();
  kDrawers.at(static_cast<std::size_t>(setting))(frame, {offset, phase});
}

/// Where the subject stands, how large it is and how far it is turned (radians).
struct Pose {
  double cx, cy, scale, angle;
};

Pose draw_pose(int activity, double phase, RandomStream& random) {
  Pose pose = {.cx = .5 + random.uniform(-.1, .1),
               .cy = .55 + random.uniform(-.06, .06),
               .scale = .35 * random.uniform(.88, 1.12),
               .angle = 0};
  const double wave = std::sin(kTurn * phase);
  if (activity == kJumping) pose.cy = .40 + .05 * wave;
  if (activity == kSpinning) pose.angle = kTurn * phase;
  if (activity == kRacing) pose.cx = .6 + .1 * wave;
  if (activity == kDancing) pose.angle = wave < 0 ? -.35 : .35;
  if (activity == kSleeping) {
    pose.cy = .68;
    pose.angle = kTurn / 4;
  }
  return pose;
}

void draw_jumping_cue(Frame& frame, const Colour& ink, const Pose& pose) {
  paint_shape(frame, ink, Ellipse{pose.cx, .88, .2, .045});
  paint(frame, ink, [&](double x, double y) {
    const double away = std::abs(x - pose.cx);
    return away < .12 && y > .8 * away + .68 && y < .8 * away + .73;
  });
}

void draw_spinning_cue(Frame& frame, const Colour& ink, const Pose& pose) {
  paint(frame, ink, [&](double x, double y) {
    const double radius = std::hypot(x - pose.cx, y - pose.cy);
    return radius > .40 && radius < .45;
  });
}

void draw_racing_cue(Frame& frame, const Colour& ink, const Pose& pose) {
  for (int line = 0; line < 4; ++line) {
    paint(frame, ink, [&](double x, double y) {
      const double start = .02 + (line % 2 == 1 ? .05 : 0);
      const double height = pose.cy - .2 + .13 * line;
      return std::abs(y - height) < .018 && x > start && x < pose.cx - .22;
    });
  }
}

void draw_dancing_cue(Frame& frame, const Colour& ink, const Pose& pose) {
  for (const Point note :
       {Point{pose.cx - .3, pose.cy - .3}, Point{pose.cx + .33, pose.cy - .22}}) {
    paint_shape(frame, ink, disc(note.x, note.y, .055));
    paint_shape(frame, ink, Rect{note.x + .03, note.x + .06, note.y - .16, note.y});
  }
}

void draw_sleeping_cue(Frame& frame, const Colour& ink, const Pose& pose) {
  constexpr double kSide = .09;
  for (int letter = 0; letter < 3; ++letter) {
    const double left = pose.cx + .12 + .1 * letter;
    const double top = .38 - .12 * letter;
    paint(frame, ink, [&](double x, double y) {
      const double u = (x - left) / kSide;
      const double v = (y - top) / kSide;
      if (u < 0 || u > 1 || v < 0 || v > 1) return false;
      return v < .25 || v > .75 || std::abs(u + v - 1) < .2;  // a Z: two bars and a diagonal
    });
  }
}

/// Eating has no cue behind the subject: its bowl stands before it.
void draw_cue(Frame& frame, const Attributes& what, const Pose& pose) {
  const int setting = what[Slot::kSetting];
  const Colour ink = grey(setting == kForest || setting == kNight ? .95F : .05F);
  const int activity = what[Slot::kActivity];
  if (activity == kJumping) draw_jumping_cue(frame, ink, pose);
  if (activity == kSpinning) draw_spinning_cue(frame, ink, pose);
  if (activity == kRacing) draw_racing_cue(frame, ink, pose);
  if (activity == kDancing) draw_dancing_cue(frame, ink, pose);
  if (activity == kSleeping) draw_sleeping_cue(frame, ink, pose);
}

void draw_bowl(Frame& frame) {
  constexpr Ellipse kBowl = {.5, .82, .3, .16};
  paint(frame, {.95F, .45F, .1F}, [&](double x, double y) {
    return y > .82 && kBowl.contains(x, y);
  });
  paint_shape(frame, grey(.05F), Rect{.18, .82, .8, .83});
}

Colour body_colour(int colour) {
  static constexpr std::array<std::array<int, 3>, 6> kBytes = {{{220, 40, 40},
                                                                {240, 210, 40},
                                                                {40, 180, 60},
                                                                {50, 90, 230},
                                                                {150, 50, 190},
                                                                {245, 245, 245}}};
  const auto& bytes = kBytes.at(static_cast<std::size_t>(colour));
  Colour result = {};
  for (std::size_t i = 0; i < 3; ++i) result[i] = static_cast<float>(bytes[i]) / 255.F;
  return result;
}

void draw_subject(Frame& frame, const Attributes& what, const Pose& pose) {
  const int subject = what[Slot::kSubject];
  const double cosine = std::cos(pose.angle);
  const double sine = std::sin(pose.angle);
  const auto paint_local = [&](const Colour& colour, double zoom, const auto& mask) {
    paint(frame, colour, [&](double x, double y) {
      const double dx = (x - pose.cx) / (pose.scale * zoom);
      const double dy = (y - pose.cy) / (pose.scale * zoom);
      return mask(subject, cosine * dx + sine * dy, cosine * dy - sine * dx);
    });
  };
  paint_local(grey(.08F), 1.09, in_subject_body);
  paint_local(body_colour(what[Slot::kColour]), 1.0, in_subject_body);
  paint_local(grey(.1F), 1.0, in_subject_detail);
}

/// Applies `change(value, channel)` to every value and clips to [0, 1].
template <class Change>
void change_values(Frame& frame, const Change& change) {
  for (Colour& pixel : frame.pixels()) {
    for (std::size_t channel = 0; channel < pixel.size(); ++channel) {
      pixel[channel] = std::clamp(static_cast<float>(change(pixel[channel], channel)), 0.F, 1.F);
    }
  }
}

void add_light_and_noise(Frame& frame, RandomStream& random) {
  const double light = random.uniform(.85, 1.1);
  change_values(frame,
                [&](double value, std::size_t) { return value * light + .03 * random.normal(); });
}

Colour draw_colour(double high, RandomStream& random) {
  Colour colour = {};
  for (float& channel : colour) channel = static_cast<float>(random.uniform(0, high));
  return colour;
}

}  // namespace

Frame draw_scene(const Attributes& what, double phase, RandomStream& random) {
  Frame frame;
  draw_background(frame, what[Slot::kSetting], random);
  const Pose pose = draw_pose(what[Slot::kActivity], phase, random);
  draw_cue(frame, what, pose);
  draw_subject(frame, what, pose);
  if (what[Slot::kActivity] == kEating) draw_bowl(frame);
  add_light_and_noise(frame, random);
  return frame;
}

Frame draw_card(RandomStream& random) {
  Frame frame;
  fill(frame, draw_colour(.4, random));
  const std::int64_t bars = 2 + random.below(2);
  for (std::int64_t bar = 0; bar < bars; ++bar) {
    const double top = .25 + .2 * static_cast<double>(bar);
    paint_shape(frame, grey(1.F), Rect{.1, random.uniform(.5, .9), top, top + .1});
  }
  add_light_and_noise(frame, random);
  return frame;
}

Frame draw_transition(RandomStream& random) {
  Frame frame;
  const Colour from = draw_colour(1, random);
  const Colour to = draw_colour(1, random);
  const bool along_x = random.chance(0.5);
  for (int row = 0; row < kFrameSide; ++row) {
    for (int column = 0; column < kFrameSide; ++column) {
      const auto share = static_cast<float>(centre_of(along_x ? column : row));
      for (std::size_t channel = 0; channel < 3; ++channel) {
        frame.at(column, row)[channel] = from[channel] + share * (to[channel] - from[channel]);
      }
    }
  }
  add_light_and_noise(frame, random);
  return frame;
}

Frame augment(const Frame& frame, RandomStream& random) {
  const bool mirrored = random.chance(0.5);
  const int right = static_cast<int>(random.below(7)) - 3;
  const int down = static_cast<int>(random.below(7)) - 3;
  Frame result;
  for (int row = 0; row < kFrameSide; ++row) {
    for (int column = 0; column < kFrameSide; ++column) {
      const int source = mirrored ? kFrameSide - 1 - column : column;
      result.at((column + right + kFrameSide) % kFrameSide,
                (row + down + kFrameSide) % kFrameSide) = frame.at(source, row);
    }
  }
  const double brightness = random.uniform(.85, 1.15);
  std::array<double, 3> shift = {};
  for (double& channel : shift) channel = random.uniform(-.1, .1);
  change_values(result, [&](double value, std::size_t channel) {
    return value * brightness + shift[channel];
  });
  return result;
}

vragent::media::Image to_image(const Frame& frame) {
  constexpr int kSide = kFrameSide * kImageScale;
  vragent::media::Image image = {.width = kSide, .height = kSide, .rgb = {}};
  image.rgb.reserve(static_cast<std::size_t>(kSide) * kSide * 3);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      for (const float value : frame.at(column / kImageScale, row / kImageScale)) {
        image.rgb.push_back(static_cast<std::uint8_t>(std::lround(value * 255.F)));
      }
    }
  }
  return image;
}

}  // namespace mini_world
