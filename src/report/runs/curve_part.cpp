// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/runs/report_parts.h"
#include "vragent/report/page/svg_chart.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::report::runs {
namespace {

/// Times differ from run to run; a report must not.
void check_tag(const std::string& tag) {
  const bool is_time = tag.ends_with("_time") || tag.ends_with("seconds") || tag.ends_with("_ms") ||
                       tag.ends_with("per_second");
  if (is_time) throw ConfigError("curves: " + tag + " is a time, and a report holds none");
}

std::vector<Point> points_of(const std::filesystem::path& path, const std::string& tag) {
  std::vector<Point> points;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    const Json object = parse_json_object(line, where);
    const JsonRecord record(object, where);
    if (!record.has(tag.c_str())) return;
    if (const auto value = record.number_or_null(tag.c_str())) {
      points.push_back({record.number("step"), *value});
    }
  });
  return points;
}

void add_series(LineChart& chart,
                const std::string& name,
                const std::vector<Point>& points,
                double smoothing) {
  const std::size_t colour = chart.series.empty() ? 0 : *chart.series.back().colour + 1;
  if (smoothing == 0) {
    chart.series.push_back({.name = name, .points = points, .colour = colour});
    return;
  }
  chart.series.push_back({.name = "", .points = points, .is_faint = true, .colour = colour});
  chart.series.push_back({.name = name, .points = smoothed(points, smoothing), .colour = colour});
}

OrderedJson point_list(const std::vector<Point>& points) {
  OrderedJson list = OrderedJson::array();
  for (const Point& point : points) list.push_back({point.x, point.y});
  return list;
}

}  // namespace

ReportPart curve_part(const CurveSpec& spec) {
  const auto logs = named_paths(spec.logs, "curves: logs");
  if (spec.tags.empty()) throw ConfigError("curves: tags is empty");
  if (!(spec.smoothing >= 0 && spec.smoothing < 1)) {
    throw ConfigError(formatted("curves: smoothing must be in [0, 1); got {}", spec.smoothing));
  }
  FigureGrid grid;
  OrderedJson charts = OrderedJson::array();
  for (const std::string& tag : spec.tags) {
    check_tag(tag);
    LineChart chart{.title = spec.title.empty() ? tag : spec.title + ": " + tag,
                    .x_label = spec.x_label,
                    .y_label = tag};
    OrderedJson lines = OrderedJson::object();
    for (const data::NamedPath& log : logs) {
      const auto points = points_of(data::file_in(log.path, data::kTrainLogFile), tag);
      if (points.empty()) continue;
      add_series(chart, logs.size() > 1 ? log.name : "", points, spec.smoothing);
      lines[log.name] = point_list(points);
    }
    if (chart.series.empty()) {
      throw DataError(formatted("curves: no log of \"{}\" has the tag {}", spec.title, tag));
    }
    grid.figures.push_back({to_svg(chart), spec.caption});
    charts.push_back({{"title", spec.title}, {"tag", tag}, {"points", lines}});
  }
  return {{grid}, charts};
}

}  // namespace vragent::report::runs
