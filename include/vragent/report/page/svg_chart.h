// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Charts as SVG text: lines over steps, grouped bars, and a forest of intervals. Each is one <svg>
// element with a viewBox and no script; text and axes take the colour of the surrounding text, the
// series take --series-1 .. --series-6 where a page sets them. The same chart gives the same text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "vragent/metrics/statistics.h"

namespace vragent::report {

struct Point {
  double x = 0;
  double y = 0;
};

/// One line. Points stand in the order of x; one that is NaN or infinite leaves a gap.
struct Series {
  std::string name;  ///< in the legend; without a name the series is not listed
  std::vector<Point> points;
  bool is_faint = false;              ///< drawn pale: raw values behind a smoothed line
  std::optional<std::size_t> colour;  ///< 0 is --series-1; by place in the chart when empty
};

/// A dashed line across a line chart at a value, for example {0.1, "popularity"}.
struct Reference {
  double value = 0;
  std::string label;
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  std::vector<Reference> references;
  std::optional<double> y_min;  ///< the axis reaches at least down to this
  std::optional<double> y_max;  ///< the axis reaches at least up to this
};

/// Draws a line chart; more than 600 points of a series are thinned, lowest and highest of each
/// bucket kept. Without points a frame says so.
std::string to_svg(const LineChart& chart);

/// The exponential moving average of y, corrected for its start (as TensorBoard smooths).
/// @param weight of the past, in [0, 1). @throws std::logic_error otherwise
std::vector<Point> smoothed(const std::vector<Point>& points, double weight);

struct Bar {
  double value = 0;
  std::optional<metrics::Interval> interval;  ///< drawn as an error bar
};

struct BarSeries {
  std::string name;
  std::vector<std::optional<Bar>> bars;  ///< one a group; empty where nothing was measured
};

struct BarChart {
  std::string title;
  std::string y_label;
  std::vector<std::string> groups;
  std::vector<BarSeries> series;
  std::vector<std::optional<double>> references;  ///< a dashed line in each group; none when empty
  std::string reference_label;                    ///< what that line is, for example "chance"
  std::optional<double> y_max;  ///< the axis, which starts at 0, reaches at least up to this
  int digits = 3;               ///< decimals of the values above the bars
};

/// Draws bars side by side in groups. @throws std::logic_error unless every series has one bar a
/// group, and references are one a group or none
std::string to_svg(const BarChart& chart);

/// One line of a forest: a point with its interval, or a heading when it has no value.
struct IntervalRow {
  std::string label;
  std::optional<double> value;
  std::optional<metrics::Interval> interval;
  std::optional<double> reference;  ///< a mark at this value, for example chance
  std::size_t kind = 0;             ///< colour, and entry of IntervalChart::kinds
};

struct IntervalChart {
  std::string title;
  std::string x_label;
  std::vector<IntervalRow> rows;
  std::vector<std::string> kinds;  ///< legend, for example {"agents", "controls"}; may be empty
  std::string reference_label;     ///< what the marks are; may be empty
  int digits = 3;                  ///< decimals of the numbers at the right
};

/// Draws one row below the other: label, interval, numbers.
std::string to_svg(const IntervalChart& chart);

}  // namespace vragent::report
