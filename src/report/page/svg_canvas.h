// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// SVG elements as text. Colours are CSS variables with a fallback, so that a page can restyle a
// chart for dark mode while the chart alone still shows.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "vragent/report/page/svg_chart.h"

namespace vragent::report {

struct TextStyle {
  double size = 12;
  const char* anchor = "start";  ///< start, middle, end: which part of the text is at the point
  double opacity = 1;
  bool bold = false;
};

struct Stroke {
  std::string colour = "currentColor";
  double width = 1;
  double opacity = 1;
  const char* dashes = "";  ///< stroke-dasharray
};

/// Colour of the series at an index: var(--series-N, #rrggbb), repeating after kNumColours.
std::string series_colour(std::size_t index);

inline constexpr std::size_t kNumColours = 6;

/// Estimated width of text in the system's sans-serif font, in the units of `size`.
double text_width(std::string_view text, double size);

/// `text`, cut and ended with an ellipsis where it would be wider than `width`.
std::string cut_to_width(std::string_view text, double width, double size);

/// A coordinate with one decimal at most.
std::string coordinate(double value);

/// Collects elements from back to front.
class SvgCanvas {
 public:
  void text(Point at, std::string_view text, const TextStyle& style = {});
  void line(Point from, Point to, const Stroke& stroke);

  /// A path through `data` (the d attribute), not filled.
  void path(const std::string& data, const Stroke& stroke);

  /// A filled rectangle with slightly round corners; the tooltip shows on hovering.
  void bar(Point corner, Point size, const std::string& colour, std::string_view tooltip);

  void dot(Point centre, double radius, const std::string& colour, std::string_view tooltip);

  /// The finished drawing. @param label what a screen reader says
  [[nodiscard]] std::string svg(Point size, std::string_view label) const;

 private:
  std::string body_;
};

}  // namespace vragent::report
