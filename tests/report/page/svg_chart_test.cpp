// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/page/svg_chart.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/page/example_page.h"

namespace vragent::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

LineChart line_of(std::vector<Point> points) {
  return {.title = "t", .x_label = "x", .y_label = "y", .series = {{"s", std::move(points)}}};
}

TEST(LineChart, DrawsOnePathASeriesAndADotAPoint) {
  const std::string svg = to_svg(test::example_epochs());
  EXPECT_THAT(svg, StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "));
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-label=\"Line chart: HR@10 by epoch\""));
  EXPECT_EQ(count(svg, "<path "), 3U);
  EXPECT_EQ(count(svg, "<circle "), 36U);
  EXPECT_THAT(svg, HasSubstr("<title>captions 12: 0.1276</title>"));
  EXPECT_THAT(svg, HasSubstr(">popularity</text>"));
}

TEST(LineChart, PutsThePointsWhereTheyBelong) {
  const std::string svg = to_svg(line_of({{0, 0}, {5, 10}, {10, 0}}));
  // The first and the last point lie on one height, the middle one plot height above and halfway.
  const std::size_t begin = svg.find("<path d=\"M") + 10;
  double x[3];
  double y[3];
  ASSERT_EQ(
      std::sscanf(svg.c_str() + begin, "%lf %lfL%lf %lfL%lf %lf", x, y, x + 1, y + 1, x + 2, y + 2),
      6);
  EXPECT_EQ(y[0], y[2]);
  EXPECT_NEAR(y[0] - y[1], 190, 0.11);
  EXPECT_NEAR(x[1], (x[0] + x[2]) / 2, 0.11);
}

TEST(LineChart, LeavesAGapAtAValueThatIsNoNumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string svg =
      to_svg(line_of({{0, 1}, {1, 2}, {2, std::nan("")}, {3, infinity}, {4, 1}}));
  const std::size_t begin = svg.find("<path d=\"");
  const std::string path = svg.substr(begin, svg.find('>', begin) - begin);
  EXPECT_EQ(count(path, "M"), 2U);
  EXPECT_EQ(count(path, "L"), 1U);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(LineChart, ThinsALongSeriesButKeepsItsPeak) {
  std::vector<Point> points;
  for (int i = 0; i < 20'000; ++i)
    points.push_back({static_cast<double>(i), i == 12'345 ? 9.0 : 1.0});
  const std::string svg = to_svg(line_of(points));
  EXPECT_LT(svg.size(), 20'000U);
  const std::string flat = to_svg(line_of({{0, 1}, {19'999, 1}}));
  EXPECT_THAT(svg, HasSubstr(">10</text>"));  // the axis reaches the peak
  EXPECT_GE(count(svg, "L"), 300U);
}

TEST(LineChart, IsAFrameWithoutPoints) {
  const std::string svg = to_svg(LineChart{.title = "empty"});
  EXPECT_THAT(svg, HasSubstr("no values"));
  EXPECT_EQ(count(svg, "<path "), 0U);
  EXPECT_EQ(count(to_svg(line_of({})), "<path "), 0U);
}

TEST(Charts, EscapeEveryText) {
  const std::string& bad = test::kHostileText;
  const LineChart line{.title = bad,
                       .x_label = bad,
                       .y_label = bad,
                       .series = {{bad, {{0, 1}}}},
                       .references = {{0.5, bad}}};
  const BarChart bars{.title = bad,
                      .y_label = bad,
                      .groups = {bad},
                      .series = {{bad, {Bar{0.5}}}},
                      .reference_label = bad};
  const IntervalChart forest{.title = bad,
                             .x_label = bad,
                             .rows = {{.label = bad}, {.label = bad, .value = 0.5}},
                             .kinds = {bad},
                             .reference_label = bad};
  for (const std::string& svg : {to_svg(line), to_svg(bars), to_svg(forest)}) {
    EXPECT_THAT(svg, Not(HasSubstr("<script")));
    EXPECT_THAT(svg, Not(HasSubstr("</style")));
    EXPECT_THAT(svg, HasSubstr("&lt;/title&gt;"));
    EXPECT_EQ(count(svg, "<title>"), count(svg, "</title>"));
    EXPECT_EQ(count(svg, "<text "), count(svg, "</text>"));
  }
}

TEST(Charts, AreTheSameTextEveryTime) {
  EXPECT_EQ(to_svg(test::example_epochs()), to_svg(test::example_epochs()));
  EXPECT_EQ(to_svg(test::example_bars()), to_svg(test::example_bars()));
  EXPECT_EQ(to_svg(test::example_forest()), to_svg(test::example_forest()));
}

TEST(Charts, TakeTheirColoursFromThePage) {
  const std::string svg = to_svg(test::example_bars());
  EXPECT_THAT(svg, HasSubstr("var(--series-1,#"));
  EXPECT_THAT(svg, HasSubstr("fill=\"currentColor\""));
}

TEST(Smoothed, IsTheDebiasedMovingAverage) {
  const std::vector<Point> smooth = smoothed({{0, 1}, {1, 3}, {2, std::nan("")}, {3, 3}}, 0.5);
  EXPECT_DOUBLE_EQ(smooth[0].y, 1);
  EXPECT_DOUBLE_EQ(smooth[1].y, (0.25 * 1 + 0.5 * 3) / 0.75);
  EXPECT_TRUE(std::isnan(smooth[2].y));
  EXPECT_DOUBLE_EQ(smooth[3].y, (0.125 * 1 + 0.25 * 3 + 0.5 * 3) / 0.875);
  EXPECT_EQ(smooth[3].x, 3);
}

TEST(Smoothed, ChangesNothingAtWeightZeroAndRefusesOne) {
  EXPECT_DOUBLE_EQ(smoothed({{0, 1}, {1, 5}}, 0)[1].y, 5);
  EXPECT_THROW((void)smoothed({}, 1.0), std::logic_error);
  EXPECT_THROW((void)smoothed({}, std::nan("")), std::logic_error);
}

TEST(BarChart, DrawsABarForEachValueThatIsThere) {
  const std::string svg = to_svg(test::example_bars());
  EXPECT_EQ(count(svg, "<rect "), 8U);
  EXPECT_THAT(svg, HasSubstr("<title>judge, GRPO .723 [.670, .771]</title>"));
  EXPECT_THAT(svg, HasSubstr(">select m=4</text>"));
}

TEST(BarChart, DrawsHeightsInProportionFromZero) {
  const BarChart chart{.groups = {"a", "b"}, .series = {{"s", {Bar{0.2}, Bar{0.8}}}}, .y_max = 1.0};
  const std::string svg = to_svg(chart);
  EXPECT_THAT(svg, HasSubstr("height=\"38\""));
  EXPECT_THAT(svg, HasSubstr("height=\"152\""));
}

TEST(BarChart, HangsNegativeBarsBelowZero) {
  const std::string svg = to_svg(BarChart{.groups = {"a"}, .series = {{"s", {Bar{-0.5}}}}});
  EXPECT_THAT(svg, Not(HasSubstr("height=\"-")));
  EXPECT_THAT(svg, HasSubstr("-0.5"));
}

TEST(BarChart, RefusesASeriesOfAnotherLength) {
  EXPECT_THROW((void)to_svg(BarChart{.groups = {"a", "b"}, .series = {{"s", {Bar{1}}}}}),
               std::logic_error);
  EXPECT_THROW((void)to_svg(BarChart{.groups = {"a"}, .references = {0.5, 0.5}}), std::logic_error);
}

TEST(BarChart, SkipsAValueThatIsNoNumberAndTakesNone) {
  const std::string svg = to_svg(BarChart{.groups = {"a"}, .series = {{"s", {Bar{std::nan("")}}}}});
  EXPECT_EQ(count(svg, "<rect "), 0U);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(to_svg(BarChart{}), StartsWith("<svg"));
}

TEST(IntervalChart, ListsHeadingsRowsAndNumbers) {
  const std::string svg = to_svg(test::example_forest());
  EXPECT_EQ(count(svg, "<circle "), 7U);
  EXPECT_THAT(svg, HasSubstr(">.723 [.670, .771]</text>"));
  EXPECT_THAT(svg, HasSubstr("font-weight=\"600\">select, m = 3</text>"));
  EXPECT_THAT(svg, HasSubstr(">controls</text>"));
}

TEST(IntervalChart, GrowsByARowHeightARow) {
  const auto height = [](std::size_t num_rows) {
    IntervalChart chart;
    chart.rows.assign(num_rows, {.label = "r", .value = 0.5});
    double width = 0;
    double result = 0;
    std::sscanf(to_svg(chart).c_str(),
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %lf %lf",
                &width,
                &result);
    return result;
  };
  EXPECT_NEAR(height(7) - height(2), 5 * 27, 0.2);
}

}  // namespace
}  // namespace vragent::report
