// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What charts share: scales with round ticks, and the lines of text above a plot.
#pragma once

#include <string>
#include <vector>

#include "report/page/svg_canvas.h"
#include "vragent/report/page/svg_chart.h"

namespace vragent::report {

inline constexpr double kChartWidth = 440;
inline constexpr double kTextSize = 13.5;
inline constexpr double kPlotHeight = 190;

/// Whether a number can be drawn: finite and not absurdly large.
bool is_drawable(double value);

inline bool is_drawable(const Point& point) {
  return is_drawable(point.x) && is_drawable(point.y);
}

/// The lowest and highest of what was added; [0, 1] when nothing was.
class Range {
 public:
  void add(double value);

  void add(const std::optional<double>& value) {
    if (value) add(*value);
  }

  [[nodiscard]] bool empty() const { return low_ > high_; }

  [[nodiscard]] double low() const { return empty() ? 0 : low_; }

  [[nodiscard]] double high() const { return empty() ? 1 : high_; }

 private:
  double low_ = 1;
  double high_ = 0;
};

/// Ticks at round numbers (1, 2, 2.5 or 5 times a power of ten) and their labels.
struct Axis {
  double low = 0;   ///< value at the start of the axis
  double high = 1;  ///< value at its end
  std::vector<double> ticks;
  std::vector<std::string> labels;
};

enum class AxisEnds {
  kAtTicks,  ///< the axis is widened to whole ticks
  kAtData,   ///< the axis ends where the data does
};

/// An axis over a range. @param only_whole ticks at whole numbers only (epochs)
Axis make_axis(const Range& range, AxisEnds ends, int num_ticks, bool only_whole);

/// Maps values of an axis to coordinates.
struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;  ///< coordinate of low
  double to = 1;    ///< coordinate of high

  double operator()(double value) const {
    return from + (value - low) / (high - low) * (to - from);
  }
};

struct LegendEntry {
  std::string name;
  Stroke stroke;
};

/// Draws title, y label and legend from the top.
/// @return the y coordinate below them, where the plot may begin
double draw_head(SvgCanvas& canvas,
                 const std::string& title,
                 const std::string& y_label,
                 const std::vector<LegendEntry>& legend);

/// Width that the widest label of a vertical axis needs.
double label_width(const Axis& axis);

/// Draws horizontal grid lines from `left` to `right` with their labels left of them.
void draw_y_axis(
    SvgCanvas& canvas, const Axis& axis, const Scale& scale, double left, double right);

}  // namespace vragent::report
