// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/page/chart_axes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vragent/util/format.h"

namespace vragent::report {
namespace {

constexpr double kLargest = 1e100;
constexpr double kSwatch = 18;

/// The round step that gives at most about `num_ticks` ticks over a span.
double round_step(double span, int num_ticks, bool only_whole) {
  const double raw = span / num_ticks;
  const double magnitude = std::pow(10.0, std::floor(std::log10(raw)));
  constexpr std::array<double, 5> kRound = {1, 2, 2.5, 5, 10};
  for (const double factor : kRound) {
    const double step = factor * magnitude;
    const bool fits = step >= raw * (1 - 1e-9);
    if (fits && !(only_whole && step != std::floor(step)))
      return only_whole ? std::max(step, 1.0) : step;
  }
  return only_whole ? std::max(1.0, std::ceil(raw)) : 10 * magnitude;
}

/// Decimals that a multiple of `step` needs.
int decimals_of(double step) {
  for (int digits = 0; digits < 6; ++digits) {
    const double scaled = step * std::pow(10.0, digits);
    if (std::abs(scaled - std::round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 6;
}

struct Unit {
  double size;
  const char* suffix;
};

/// The unit in which numbers up to `largest` stay short.
Unit unit_for(double largest) {
  if (largest >= 1e9) return {1e9, "G"};
  if (largest >= 1e6) return {1e6, "M"};
  if (largest >= 1e4) return {1e3, "k"};
  return {1, ""};
}

std::vector<std::string> label_ticks(const std::vector<double>& ticks, double step) {
  double largest = 0;
  for (const double tick : ticks) largest = std::max(largest, std::abs(tick));
  const Unit unit = unit_for(largest);
  const int decimals = decimals_of(step / unit.size);
  const bool is_extreme = largest >= 1e13 || (largest > 0 && largest < 1e-4);
  std::vector<std::string> labels;
  for (const double tick : ticks) {
    if (is_extreme && tick != 0) {
      labels.push_back(formatted("{:.3g}", tick));
    } else {
      labels.push_back(tick == 0 ? std::string("0")
                                 : formatted("{:.{}f}", tick / unit.size, decimals) + unit.suffix);
    }
  }
  return labels;
}

/// The range with some width, so that equal values sit in the middle.
Range widened(const Range& range) {
  const double largest = std::max(std::abs(range.low()), std::abs(range.high()));
  const double least = std::max(largest * 1e-9, 1e-12);
  if (range.high() - range.low() > least) return range;
  const double margin = largest < 1e-12 ? 0.5 : largest * 0.1;
  Range wide = range;
  wide.add(range.low() - margin);
  wide.add(range.high() + margin);
  return wide;
}

}  // namespace

bool is_drawable(double value) {
  return std::isfinite(value) && std::abs(value) <= kLargest;
}

void Range::add(double value) {
  if (!is_drawable(value)) return;
  const bool is_first = empty();
  low_ = is_first ? value : std::min(low_, value);
  high_ = is_first ? value : std::max(high_, value);
}

Axis make_axis(const Range& range, AxisEnds ends, int num_ticks, bool only_whole) {
  const Range wide = widened(range);
  const double step = round_step(wide.high() - wide.low(), num_ticks, only_whole);
  Axis axis{.low = wide.low(), .high = wide.high(), .ticks = {}, .labels = {}};
  double first = std::ceil(wide.low() / step - 1e-9);
  double last = std::floor(wide.high() / step + 1e-9);
  if (ends == AxisEnds::kAtTicks) {
    first = std::floor(wide.low() / step + 1e-9);
    last = std::max(first + 1, std::ceil(wide.high() / step - 1e-9));
    axis.low = first * step;
    axis.high = last * step;
  }
  for (double i = first; i <= last; ++i) axis.ticks.push_back(i * step);
  axis.labels = label_ticks(axis.ticks, step);
  return axis;
}

double draw_head(SvgCanvas& canvas,
                 const std::string& title,
                 const std::string& y_label,
                 const std::vector<LegendEntry>& legend) {
  double y = 4;
  if (!title.empty()) {
    y += 16;
    canvas.text({2, y}, cut_to_width(title, kChartWidth - 4, 16), {.size = 16, .bold = true});
    y += 6;
  }
  double x = 2;
  if (!legend.empty()) y += 17;
  for (const LegendEntry& entry : legend) {
    const std::string name = cut_to_width(entry.name, kChartWidth - kSwatch - 16, kTextSize);
    const double width = kSwatch + 6 + text_width(name, kTextSize) + 16;
    if (x > 2 && x + width - 16 > kChartWidth) {
      x = 2;
      y += 19;
    }
    canvas.line({x, y - 4}, {x + kSwatch, y - 4}, entry.stroke);
    canvas.text({x + kSwatch + 6, y}, name, {.size = kTextSize, .opacity = 0.85});
    x += width;
  }
  if (!legend.empty()) y += 4;
  if (!y_label.empty()) {
    y += 18;
    canvas.text({2, y},
                cut_to_width(y_label, kChartWidth - 4, kTextSize),
                {.size = kTextSize, .opacity = 0.65});
  }
  return y + 15;
}

double label_width(const Axis& axis) {
  double width = 0;
  for (const std::string& label : axis.labels) {
    width = std::max(width, text_width(label, kTextSize));
  }
  return width;
}

void draw_y_axis(
    SvgCanvas& canvas, const Axis& axis, const Scale& scale, double left, double right) {
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    const double y = scale(axis.ticks[i]);
    const bool is_zero = axis.ticks[i] == 0;
    canvas.line({left, y}, {right, y}, {.width = 1, .opacity = is_zero ? 0.45 : 0.13});
    canvas.text(
        {left - 6, y + 4}, axis.labels[i], {.size = kTextSize, .anchor = "end", .opacity = 0.75});
  }
}

}  // namespace vragent::report
