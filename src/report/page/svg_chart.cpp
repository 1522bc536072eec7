// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/page/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "report/page/chart_axes.h"
#include "report/page/svg_canvas.h"
#include "vragent/report/markup.h"
#include "vragent/util/format.h"

namespace vragent::report {
namespace {

constexpr std::size_t kMaxPoints = 600;
constexpr std::size_t kMaxMarkedPoints = 30;
constexpr double kRightMargin = 10;
constexpr double kRowHeight = 27;

// ---- lines ----

/// At most kMaxPoints points: of each bucket its lowest and its highest, in order.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMaxPoints) return points;
  const std::size_t num_buckets = kMaxPoints / 2;
  std::vector<Point> kept;
  for (std::size_t b = 0; b < num_buckets; ++b) {
    const auto begin =
        points.begin() + static_cast<std::ptrdiff_t>(b * points.size() / num_buckets);
    const auto end =
        points.begin() + static_cast<std::ptrdiff_t>((b + 1) * points.size() / num_buckets);
    const auto [low, high] =
        std::minmax_element(begin, end, [](const Point& a, const Point& c) { return a.y < c.y; });
    kept.push_back(*std::min(low, high));
    if (low != high) kept.push_back(*std::max(low, high));
  }
  return kept;
}

std::size_t colour_of(const Series& series, std::size_t place) {
  return series.colour.value_or(place);
}

Stroke line_stroke(const Series& series, std::size_t place) {
  const std::size_t colour = colour_of(series, place);
  return {.colour = series_colour(colour),
          .width = series.is_faint ? 1.2 : 2.2,
          .opacity = series.is_faint ? 0.35 : 1,
          .dashes = colour >= kNumColours ? "6 4" : ""};
}

std::vector<LegendEntry> legend_of(const LineChart& chart) {
  std::vector<LegendEntry> legend;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (chart.series[i].name.empty()) continue;
    legend.push_back({chart.series[i].name, line_stroke(chart.series[i], i)});
  }
  return legend;
}

struct LineAxes {
  Axis x;
  Axis y;
  bool is_empty = true;
};

LineAxes axes_of(const LineChart& chart) {
  Range x;
  Range y;
  bool only_whole = true;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!is_drawable(point)) continue;
      x.add(point.x);
      y.add(point.y);
      only_whole = only_whole && point.x == std::floor(point.x);
    }
  }
  y.add(chart.y_min);
  y.add(chart.y_max);
  for (const Reference& reference : chart.references) y.add(reference.value);
  return {make_axis(x, AxisEnds::kAtData, 6, only_whole && !x.empty()),
          make_axis(y, AxisEnds::kAtTicks, 5, false),
          x.empty()};
}

/// Draws the ticks of the horizontal axis and its name. @return the y coordinate below
double draw_x_axis(SvgCanvas& canvas, const Axis& axis, const Scale& scale, double bottom) {
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    const double x = scale(axis.ticks[i]);
    const double half = text_width(axis.labels[i], kTextSize) / 2;
    canvas.line({x, bottom}, {x, bottom + 4}, {.width = 1, .opacity = 0.45});
    canvas.text({std::min(x, kChartWidth - half), bottom + 18},
                axis.labels[i],
                {.size = kTextSize, .anchor = "middle", .opacity = 0.75});
  }
  return bottom + 18;
}

double draw_x_label(SvgCanvas& canvas, const std::string& label, double middle, double y) {
  if (label.empty()) return y;
  canvas.text({middle, y + 18}, label, {.size = kTextSize, .anchor = "middle", .opacity = 0.65});
  return y + 18;
}

std::string path_data(const std::vector<Point>& points, const Scale& x, const Scale& y) {
  std::string data;
  bool is_open = false;
  for (const Point& point : points) {
    if (!is_drawable(point)) {
      is_open = false;
      continue;
    }
    data +=
        formatted("{}{} {}", is_open ? "L" : "M", coordinate(x(point.x)), coordinate(y(point.y)));
    is_open = true;
  }
  return data;
}

void draw_series(
    SvgCanvas& canvas, const Series& series, std::size_t place, const Scale& x, const Scale& y) {
  const std::vector<Point> points = thinned(series.points);
  const std::string data = path_data(points, x, y);
  if (data.empty()) return;
  const Stroke stroke = line_stroke(series, place);
  canvas.path(data, stroke);
  if (series.is_faint || points.size() > kMaxMarkedPoints) return;
  for (const Point& point : points) {
    if (!is_drawable(point)) continue;
    canvas.dot({x(point.x), y(point.y)},
               3,
               stroke.colour,
               formatted("{} {:.4g}: {:.4g}", series.name, point.x, point.y));
  }
}

void draw_references(SvgCanvas& canvas,
                     const std::vector<Reference>& references,
                     const Scale& x,
                     const Scale& y) {
  for (const Reference& reference : references) {
    if (!is_drawable(reference.value)) continue;
    const double height = y(reference.value);
    canvas.line({x.from, height}, {x.to, height}, {.width = 1.2, .opacity = 0.6, .dashes = "5 4"});
    canvas.text({x.to, height - 5},
                reference.label,
                {.size = kTextSize - 0.5, .anchor = "end", .opacity = 0.75});
  }
}

// ---- bars ----

std::vector<LegendEntry> legend_of(const std::vector<std::string>& names,
                                   const std::string& reference_label) {
  std::vector<LegendEntry> legend;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty()) legend.push_back({names[i], {series_colour(i), 10}});
  }
  if (!reference_label.empty()) {
    legend.push_back({reference_label, {.width = 1.6, .opacity = 0.7, .dashes = "4 3"}});
  }
  return legend;
}

void check(const BarChart& chart) {
  for (const BarSeries& series : chart.series) {
    if (series.bars.size() == chart.groups.size()) continue;
    throw std::logic_error(formatted("bar chart '{}': series '{}' has {} bars for {} groups",
                                     chart.title,
                                     series.name,
                                     series.bars.size(),
                                     chart.groups.size()));
  }
  if (!chart.references.empty() && chart.references.size() != chart.groups.size()) {
    throw std::logic_error(formatted("bar chart '{}': {} references for {} groups",
                                     chart.title,
                                     chart.references.size(),
                                     chart.groups.size()));
  }
}

Axis value_axis(const BarChart& chart) {
  Range range;
  range.add(0);
  range.add(chart.y_max);
  for (const BarSeries& series : chart.series) {
    for (const std::optional<Bar>& bar : series.bars) {
      if (!bar) continue;
      range.add(bar->value);
      if (bar->interval) {
        range.add(bar->interval->low);
        range.add(bar->interval->high);
      }
    }
  }
  for (const std::optional<double>& reference : chart.references) range.add(reference);
  return make_axis(range, AxisEnds::kAtTicks, 5, false);
}

/// An I-shaped error bar.
void draw_error_bar(SvgCanvas& canvas,
                    double x,
                    const metrics::Interval& interval,
                    const Scale& y) {
  const Stroke stroke{.width = 1.3, .opacity = 0.75};
  const double low = y(interval.low);
  const double high = y(interval.high);
  canvas.line({x, low}, {x, high}, stroke);
  canvas.line({x - 3.5, low}, {x + 3.5, low}, stroke);
  canvas.line({x - 3.5, high}, {x + 3.5, high}, stroke);
}

std::string tooltip_of(const std::string& name, const Bar& bar, int digits) {
  return name + " " +
         (bar.interval ? fraction_text(bar.value, *bar.interval, digits)
                       : fraction_text(bar.value, digits));
}

/// Places of the bars of one group, from `left` on.
struct BarSlot {
  double left;
  double width;
  const Scale& y;
  int digits;
};

void draw_bar(SvgCanvas& canvas,
              const Bar& bar,
              std::size_t place,
              const BarSlot& slot,
              const std::string& name) {
  if (!is_drawable(bar.value)) return;
  const double left = slot.left + slot.width * static_cast<double>(place);
  const double middle = left + slot.width / 2;
  const double gap = std::min(2.0, slot.width * 0.1);
  const double zero = slot.y(0);
  const double tip = slot.y(bar.value);
  canvas.bar({left + gap, std::min(zero, tip)},
             {slot.width - 2 * gap, std::abs(zero - tip)},
             series_colour(place),
             tooltip_of(name, bar, slot.digits));
  double top = std::min(zero, tip);
  if (bar.interval) {
    draw_error_bar(canvas, middle, *bar.interval, slot.y);
    top = std::min(top, slot.y(bar.interval->high));
  }
  const std::string value = fraction_text(bar.value, slot.digits);
  if (text_width(value, 12) <= slot.width + 1) {
    canvas.text({middle, top - 5}, value, {.size = 12, .anchor = "middle", .opacity = 0.9});
  }
}

/// The name of a group below the axis, on up to two lines. @return how many lines
int draw_group_name(SvgCanvas& canvas, const std::string& name, Point at, double width) {
  const TextStyle style{.size = kTextSize, .anchor = "middle", .opacity = 0.85};
  const std::size_t space = name.rfind(' ', name.size() / 2 + 2);
  if (text_width(name, kTextSize) <= width || space == std::string::npos) {
    canvas.text(at, cut_to_width(name, width, kTextSize), style);
    return 1;
  }
  canvas.text(at, cut_to_width(name.substr(0, space), width, kTextSize), style);
  canvas.text({at.x, at.y + 15}, cut_to_width(name.substr(space + 1), width, kTextSize), style);
  return 2;
}

// ---- forest ----

std::string numbers_of(const IntervalRow& row, int digits) {
  if (!row.value) return "";
  return row.interval ? fraction_text(*row.value, *row.interval, digits)
                      : fraction_text(*row.value, digits);
}

struct ForestColumns {
  Axis axis;
  Scale x;
  double label_width;
};

ForestColumns columns_of(const IntervalChart& chart) {
  Range range;
  double labels = 0;
  double numbers = 0;
  for (const IntervalRow& row : chart.rows) {
    if (!row.value) continue;
    labels = std::max(labels, text_width(row.label, kTextSize));
    numbers = std::max(numbers, text_width(numbers_of(row, chart.digits), kTextSize - 0.5));
    range.add(*row.value);
    range.add(row.reference);
    if (row.interval) {
      range.add(row.interval->low);
      range.add(row.interval->high);
    }
  }
  labels = std::min(labels, kChartWidth * 0.36);
  const Axis axis = make_axis(range, AxisEnds::kAtTicks, 4, false);
  const Scale x{axis.low, axis.high, labels + 22, kChartWidth - numbers - 14};
  return {axis, x, labels};
}

void draw_row(
    SvgCanvas& canvas, const IntervalRow& row, const ForestColumns& columns, double y, int digits) {
  canvas.text(
      {12, y + 4}, cut_to_width(row.label, columns.label_width, kTextSize), {.size = kTextSize});
  if (row.reference && is_drawable(*row.reference)) {
    const double x = columns.x(*row.reference);
    canvas.line({x, y - kRowHeight / 2 + 2},
                {x, y + kRowHeight / 2 - 2},
                {.width = 1.6, .opacity = 0.7, .dashes = "4 3"});
  }
  const std::string numbers = numbers_of(row, digits);
  const std::string colour = series_colour(row.kind);
  if (row.interval && is_drawable(row.interval->low) && is_drawable(row.interval->high)) {
    canvas.line({columns.x(row.interval->low), y},
                {columns.x(row.interval->high), y},
                {.colour = colour, .width = 2.4, .opacity = 0.75});
  }
  if (is_drawable(*row.value)) {
    canvas.dot({columns.x(*row.value), y}, 4.2, colour, row.label + " " + numbers);
  }
  canvas.text({kChartWidth - 2, y + 4},
              numbers,
              {.size = kTextSize - 0.5, .anchor = "end", .opacity = 0.9});
}

}  // namespace

std::string to_svg(const LineChart& chart) {
  SvgCanvas canvas;
  const double top = draw_head(canvas, chart.title, chart.y_label, legend_of(chart));
  const LineAxes axes = axes_of(chart);
  const double bottom = top + kPlotHeight;
  const double left = label_width(axes.y) + 8;
  const Scale y{axes.y.low, axes.y.high, bottom, top};
  const Scale x{axes.x.low, axes.x.high, left + 4, kChartWidth - kRightMargin};
  draw_y_axis(canvas, axes.y, y, left, kChartWidth - kRightMargin + 4);
  double end = draw_x_axis(canvas, axes.x, x, bottom);
  end = draw_x_label(canvas, chart.x_label, (x.from + x.to) / 2, end);
  if (axes.is_empty) {
    canvas.text({(x.from + x.to) / 2, (top + bottom) / 2},
                "no values",
                {.size = kTextSize, .anchor = "middle", .opacity = 0.65});
  }
  draw_references(canvas, chart.references, x, y);
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    draw_series(canvas, chart.series[i], i, x, y);
  }
  return canvas.svg({kChartWidth, end + 6}, formatted("Line chart: {}", chart.title));
}

std::vector<Point> smoothed(const std::vector<Point>& points, double weight) {
  if (!(weight >= 0 && weight < 1)) {
    throw std::logic_error(formatted("smoothed: weight {} is not in [0, 1)", weight));
  }
  std::vector<Point> smooth;
  double sum = 0;
  double total_weight = 0;
  for (const Point& point : points) {
    if (is_drawable(point)) {
      sum = weight * sum + (1 - weight) * point.y;
      total_weight = weight * total_weight + (1 - weight);
      smooth.push_back({point.x, sum / total_weight});
    } else {
      smooth.push_back(point);
    }
  }
  return smooth;
}

std::string to_svg(const BarChart& chart) {
  check(chart);
  std::vector<std::string> names;
  for (const BarSeries& series : chart.series) names.push_back(series.name);
  SvgCanvas canvas;
  const double top =
      draw_head(canvas, chart.title, chart.y_label, legend_of(names, chart.reference_label)) + 8;
  const Axis axis = value_axis(chart);
  const double bottom = top + kPlotHeight;
  const double left = label_width(axis) + 8;
  const Scale y{axis.low, axis.high, bottom, top};
  draw_y_axis(canvas, axis, y, left, kChartWidth);

  const double num_groups = static_cast<double>(std::max<std::size_t>(chart.groups.size(), 1));
  const double num_series = static_cast<double>(std::max<std::size_t>(chart.series.size(), 1));
  const double group_width = (kChartWidth - left) / num_groups;
  const double bar_width = std::min(group_width * 0.84 / num_series, 54.0);
  int num_lines = 1;
  for (std::size_t g = 0; g < chart.groups.size(); ++g) {
    const double middle = left + group_width * (static_cast<double>(g) + 0.5);
    const BarSlot slot{middle - bar_width * num_series / 2, bar_width, y, chart.digits};
    for (std::size_t s = 0; s < chart.series.size(); ++s) {
      const std::optional<Bar>& bar = chart.series[s].bars[g];
      if (bar) draw_bar(canvas, *bar, s, slot, chart.groups[g] + ", " + chart.series[s].name);
    }
    if (!chart.references.empty() && chart.references[g] && is_drawable(*chart.references[g])) {
      const double height = y(*chart.references[g]);
      canvas.line({middle - group_width * 0.46, height},
                  {middle + group_width * 0.46, height},
                  {.width = 1.6, .opacity = 0.7, .dashes = "4 3"});
    }
    const int lines =
        draw_group_name(canvas, chart.groups[g], {middle, bottom + 18}, group_width - 4);
    num_lines = std::max(num_lines, lines);
  }
  const double end = bottom + 18 + 15 * (num_lines - 1);
  return canvas.svg({kChartWidth, end + 8}, formatted("Bar chart: {}", chart.title));
}

std::string to_svg(const IntervalChart& chart) {
  SvgCanvas canvas;
  const double top =
      draw_head(canvas, chart.title, "", legend_of(chart.kinds, chart.reference_label));
  const ForestColumns columns = columns_of(chart);
  double bottom = top;
  for (const IntervalRow& row : chart.rows) bottom += row.value ? kRowHeight : kRowHeight + 6;
  for (const double tick : columns.axis.ticks) {
    canvas.line({columns.x(tick), top}, {columns.x(tick), bottom}, {.width = 1, .opacity = 0.13});
  }
  double y = top;
  for (const IntervalRow& row : chart.rows) {
    if (!row.value) {
      y += 6;
      canvas.text({2, y + kRowHeight / 2 + 4},
                  cut_to_width(row.label, kChartWidth - 4, kTextSize),
                  {.size = kTextSize, .bold = true});
    } else {
      draw_row(canvas, row, columns, y + kRowHeight / 2, chart.digits);
    }
    y += kRowHeight;
  }
  double end = draw_x_axis(canvas, columns.axis, columns.x, bottom);
  end = draw_x_label(canvas, chart.x_label, (columns.x.from + columns.x.to) / 2, end);
  return canvas.svg({kChartWidth, end + 6}, formatted("Intervals: {}", chart.title));
}

}  // namespace vragent::report
