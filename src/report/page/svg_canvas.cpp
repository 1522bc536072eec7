// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/page/svg_canvas.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vragent/report/markup.h"
#include "vragent/util/format.h"

namespace vragent::report {
namespace {

// Chosen to differ in lightness too, so that they can be told apart without seeing hue.
constexpr std::array<const char*, kNumColours> kFallbackColours = {
    "#2563c9", "#d9702b", "#12897b", "#8a56c9", "#b8336a", "#6b7280"};

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

/// Width of one character in ems of a typical sans-serif font.
double width_in_ems(std::string_view character) {
  constexpr std::string_view kNarrow = "iljtfrI.,:;'|!()[] -";
  constexpr std::string_view kWide = "mwMW%@";
  if (character.size() >= 3) return 1.0;
  if (character.size() == 2) return 0.6;
  if (kNarrow.find(character) != std::string_view::npos) return 0.33;
  if (kWide.find(character) != std::string_view::npos) return 0.86;
  return character[0] >= 'A' && character[0] <= 'Z' ? 0.68 : 0.56;
}

std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(utf8_length(text), 1));
}

std::string stroke_attributes(const Stroke& stroke) {
  std::string text =
      formatted(" stroke=\"{}\" stroke-width=\"{}\"", stroke.colour, coordinate(stroke.width));
  if (stroke.opacity < 1) text += formatted(" stroke-opacity=\"{:.2f}\"", stroke.opacity);
  if (*stroke.dashes != '\0') text += formatted(" stroke-dasharray=\"{}\"", stroke.dashes);
  return text;
}

/// An element that shows `tooltip` while the pointer is over it.
std::string with_tooltip(std::string_view name,
                         const std::string& attributes,
                         std::string_view tooltip) {
  if (tooltip.empty()) return formatted("<{}{}/>", name, attributes);
  return formatted("<{}{}><title>{}</title></{}>", name, attributes, escaped(tooltip), name);
}

}  // namespace

std::string series_colour(std::size_t index) {
  const std::size_t place = index % kNumColours;
  return formatted("var(--series-{},{})", place + 1, kFallbackColours[place]);
}

double text_width(std::string_view text, double size) {
  double ems = 0;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    ems += width_in_ems(character);
    text.remove_prefix(character.size());
  }
  return ems * size;
}

std::string cut_to_width(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  std::string cut;
  double used = size;  // the ellipsis
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    used += width_in_ems(character) * size;
    if (used > width) break;
    cut += character;
    text.remove_prefix(character.size());
  }
  while (cut.ends_with(' ')) cut.pop_back();
  return cut.append(kEllipsis);
}

std::string coordinate(double value) {
  const double tenths = std::round(value * 10);
  if (tenths == 0) return "0";  // never "-0"
  const bool is_whole = std::fmod(tenths, 10) == 0;
  return is_whole ? formatted("{:.0f}", tenths / 10) : formatted("{:.1f}", tenths / 10);
}

void SvgCanvas::text(Point at, std::string_view text, const TextStyle& style) {
  body_ += formatted("<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"currentColor\"",
                     coordinate(at.x),
                     coordinate(at.y),
                     coordinate(style.size));
  if (style.anchor != std::string_view("start")) {
    body_ += formatted(" text-anchor=\"{}\"", style.anchor);
  }
  if (style.opacity < 1) body_ += formatted(" fill-opacity=\"{:.2f}\"", style.opacity);
  if (style.bold) body_ += " font-weight=\"600\"";
  body_ += formatted(">{}</text>\n", escaped(text));
}

void SvgCanvas::line(Point from, Point to, const Stroke& stroke) {
  body_ += formatted("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>\n",
                     coordinate(from.x),
                     coordinate(from.y),
                     coordinate(to.x),
                     coordinate(to.y),
                     stroke_attributes(stroke));
}

void SvgCanvas::path(const std::string& data, const Stroke& stroke) {
  body_ += formatted(
      "<path d=\"{}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{}/>\n",
      data,
      stroke_attributes(stroke));
}

void SvgCanvas::bar(Point corner, Point size, const std::string& colour, std::string_view tooltip) {
  const std::string attributes =
      formatted(" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" fill=\"{}\"",
                coordinate(corner.x),
                coordinate(corner.y),
                coordinate(std::max(size.x, 0.0)),
                coordinate(std::max(size.y, 0.0)),
                colour);
  body_ += with_tooltip("rect", attributes, tooltip) + "\n";
}

void SvgCanvas::dot(Point centre,
                    double radius,
                    const std::string& colour,
                    std::string_view tooltip) {
  const std::string attributes = formatted(" cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"",
                                           coordinate(centre.x),
                                           coordinate(centre.y),
                                           coordinate(radius),
                                           colour);
  body_ += with_tooltip("circle", attributes, tooltip) + "\n";
}

std::string SvgCanvas::svg(Point size, std::string_view label) const {
  return formatted(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
             "aria-label=\"{}\" font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,"
             "'Noto Sans',sans-serif\">\n",
             coordinate(size.x),
             coordinate(size.y),
             escaped(label)) +
         body_ + "</svg>\n";
}

}  // namespace vragent::report
