// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Shapes as masks: contains(x, y) is true inside. x grows to the right, y downwards. A pixel
// belongs to a shape when its centre does; there is no anti-aliasing.
#pragma once

#include <array>
#include <cmath>

namespace mini_world {

struct Point {
  double x = 0;
  double y = 0;
};

struct Ellipse {
  double cx, cy, rx, ry;

  [[nodiscard]] constexpr bool contains(double x, double y) const {
    const double u = (x - cx) / rx;
    const double v = (y - cy) / ry;
    return u * u + v * v <= 1;
  }
};

/// An ellipse of equal radii.
constexpr Ellipse disc(double cx, double cy, double r) {
  return {cx, cy, r, r};
}

struct Rect {
  double x0, x1, y0, y1;

  [[nodiscard]] constexpr bool contains(double x, double y) const {
    return x >= x0 && x <= x1 && y >= y0 && y <= y1;
  }
};

struct Triangle {
  Point a, b, c;

  [[nodiscard]] constexpr bool contains(double x, double y) const {
    const double ab = side(a, b, x, y);
    const double bc = side(b, c, x, y);
    const double ca = side(c, a, x, y);
    return (ab >= 0 && bc >= 0 && ca >= 0) || (ab <= 0 && bc <= 0 && ca <= 0);
  }

  /// The triangle reflected at x = 0.
  [[nodiscard]] constexpr Triangle mirrored() const {
    return {{-a.x, a.y}, {-b.x, b.y}, {-c.x, c.y}};
  }

 private:
  static constexpr double side(Point p, Point q, double x, double y) {
    return (q.x - p.x) * (y - p.y) - (q.y - p.y) * (x - p.x);
  }
};

/// True when any of the shapes holds the point.
template <class... Shapes>
constexpr bool inside_any(double x, double y, const Shapes&... shapes) {
  return (shapes.contains(x, y) || ...);
}

/// x modulo 1 in [0, 1).
inline double fraction(double x) {
  return x - std::floor(x);
}

}  // namespace mini_world
