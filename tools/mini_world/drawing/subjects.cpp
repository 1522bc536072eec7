// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/drawing/subjects.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "mini_world/drawing/shapes.h"

namespace mini_world {
namespace {

struct SubjectMasks {
  bool (*body)(double u, double v);
  bool (*detail)(double u, double v);
};

bool cat_body(double u, double v) {
  constexpr Triangle kEar = {{-.62, -.1}, {-.5, -.9}, {-.05, -.4}};
  return inside_any(u, v, disc(0, .15, .65), kEar, kEar.mirrored());
}

bool cat_detail(double u, double v) {
  return inside_any(u, v, disc(-.25, .05, .12), disc(.25, .05, .12), Ellipse{0, .38, .1, .06});
}

bool fish_body(double u, double v) {
  constexpr Triangle kTail = {{.3, 0}, {.95, -.5}, {.95, .5}};
  return inside_any(u, v, Ellipse{-.2, 0, .68, .42}, kTail);
}

bool fish_detail(double u, double v) {
  return disc(-.55, -.1, .1).contains(u, v);
}

bool bird_body(double u, double v) {
  constexpr Triangle kWing = {{-.15, .25}, {-1, -.55}, {-.2, -.1}};
  return inside_any(u, v, Ellipse{0, .2, .3, .38}, kWing, kWing.mirrored(), disc(0, -.25, .2));
}

bool bird_detail(double u, double v) {
  constexpr Triangle kBeak = {{-.08, -.3}, {.08, -.3}, {0, -.08}};
  return kBeak.contains(u, v);
}

bool car_body(double u, double v) {
  return inside_any(u, v, Rect{-.95, .95, -.05, .4}, Rect{-.5, .45, -.5, 0});
}

bool car_detail(double u, double v) {
  return inside_any(u, v, disc(-.5, .45, .24), disc(.5, .45, .24), Rect{-.35, .3, -.38, -.1});
}

bool boat_body(double u, double v) {
  constexpr Triangle kSail = {{0, -.95}, {0, .15}, {.75, .15}};
  const bool in_hull = Rect{-.95, .95, .3, .7}.contains(u, v) && std::abs(u) < .95 - .9 * (v - .3);
  return in_hull || kSail.contains(u, v);
}

bool boat_detail(double u, double v) {
  return Rect{-.1, -.01, -.95, .3}.contains(u, v);
}

bool robot_body(double u, double v) {
  return inside_any(
      u, v, Rect{-.4, .4, -.75, -.1}, Rect{-.6, .6, 0, .8}, Rect{-.06, .06, -1, -.75});
}

bool robot_detail(double u, double v) {
  return inside_any(
      u, v, Rect{-.28, -.08, -.55, -.35}, Rect{.08, .28, -.55, -.35}, Rect{-.3, .3, .25, .45});
}

bool flower_body(double u, double v) {
  constexpr double kDegree = std::numbers::pi / 180;
  for (int petal = 0; petal < 5; ++petal) {
    const double angle = (72.0 * petal - 90.0) * kDegree;
    const Ellipse shape = disc(.42 * std::cos(angle), -.25 + .42 * std::sin(angle), .3);
    if (shape.contains(u, v)) return true;
  }
  return Rect{-.07, .07, .2, 1}.contains(u, v);
}

bool flower_detail(double u, double v) {
  return disc(0, -.25, .2).contains(u, v);
}

bool rocket_body(double u, double v) {
  constexpr Triangle kNose = {{-.28, -.45}, {.28, -.45}, {0, -1}};
  constexpr Triangle kFin = {{-.28, .1}, {-.7, .7}, {-.28, .6}};
  return inside_any(u, v, Rect{-.28, .28, -.45, .55}, kNose, kFin, kFin.mirrored());
}

bool rocket_detail(double u, double v) {
  constexpr Triangle kFlame = {{-.2, .58}, {.2, .58}, {0, .98}};
  return inside_any(u, v, disc(0, -.2, .14), kFlame);
}

const SubjectMasks& masks_of(int subject) {
  static const std::array<SubjectMasks, 8> all = {{{cat_body, cat_detail},
                                                   {fish_body, fish_detail},
                                                   {bird_body, bird_detail},
                                                   {car_body, car_detail},
                                                   {boat_body, boat_detail},
                                                   {robot_body, robot_detail},
                                                   {flower_body, flower_detail},
                                                   {rocket_body, rocket_detail}}};
  return all.at(static_cast<std::size_t>(subject));
}

}  // namespace

bool in_subject_body(int subject, double u, double v) {
  return masks_of(subject).body(u, v);
}

bool in_subject_detail(int subject, double u, double v) {
  return masks_of(subject).detail(u, v);
}

}  // namespace mini_world
