// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/page/html_page.h"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string_view>

#include "report/page/page_style.h"
#include "vragent/report/markup.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::report {
namespace {

// frame-ancestors and the like cannot be set from a meta element; what is left forbids scripts,
// connections, frames, forms and every image that is not inside the file.
constexpr std::string_view kPolicy =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'";

/// <tag class="name">text</tag>, or nothing for empty text.
std::string element(std::string_view tag, std::string_view name, std::string_view text) {
  if (text.empty()) return "";
  const std::string attribute = name.empty() ? "" : formatted(" class=\"{}\"", name);
  return formatted("<{}{}>{}</{}>\n", tag, attribute, escaped(text), tag);
}

// ---- tables ----

bool is_number(std::string_view cell) {
  const std::size_t start = cell.starts_with('-') || cell.starts_with('+') ? 1 : 0;
  const std::string_view rest = cell.substr(start);
  if (rest.empty()) return cell == "-";
  return rest[0] == '.' ? rest.size() > 1 && rest[1] >= '0' && rest[1] <= '9'
                        : rest[0] >= '0' && rest[0] <= '9';
}

/// Whether the cells of a column are numbers: such a column is set flush right.
std::vector<bool> find_number_columns(const Table& table) {
  std::vector<bool> is_numeric(table.columns.size(), !table.rows.empty());
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (!row[c].empty() && !is_number(row[c])) is_numeric[c] = false;
    }
  }
  return is_numeric;
}

/// A cell's content; what follows the number (its interval) goes below it in small print.
std::string cell_content(const std::string& cell, bool is_numeric) {
  const std::size_t space = is_numeric ? cell.find(' ') : std::string::npos;
  if (space == std::string::npos) return escaped(cell);
  return formatted("{}<span class=\"interval\">{}</span>",
                   escaped(cell.substr(0, space)),
                   escaped(cell.substr(space + 1)));
}

std::string_view class_of(RowKind kind) {
  switch (kind) {
    case RowKind::kPublished:
      return " class=\"published\"";
    case RowKind::kOurs:
      return " class=\"ours\"";
    case RowKind::kControl:
      return " class=\"control\"";
    case RowKind::kPlain:
      break;
  }
  return "";
}

/// The cell that names a row; what else belongs to the name stands below it in small print.
std::string row_name(const std::string& name, const std::string& below, RowKind kind) {
  std::string small = kind == RowKind::kControl ? "<span class=\"badge\">control</span>" : "";
  small += escaped(below);
  if (!small.empty()) small = formatted("<span class=\"source\">{}</span>", small);
  return formatted("<th scope=\"row\">{}{}</th>", escaped(name), small);
}

/// Which columns a table shows, and how.
struct Columns {
  std::vector<bool> is_numeric;
  std::size_t first = 1;  ///< the first column after the row's name
};

std::string table_head(const Table& table, const Columns& columns) {
  std::string html = "<thead><tr><th scope=\"col\">" + escaped(table.columns[0]) + "</th>";
  for (std::size_t c = columns.first; c < table.columns.size(); ++c) {
    html += formatted("<th scope=\"col\"{}>{}</th>",
                      columns.is_numeric[c] ? " class=\"number\"" : "",
                      escaped(table.columns[c]));
  }
  return html + "</tr></thead>\n";
}

std::string table_row(const std::vector<std::string>& row, RowKind kind, const Columns& columns) {
  std::string html =
      formatted("<tr{}>", class_of(kind)) + row_name(row[0], columns.first > 1 ? row[1] : "", kind);
  for (std::size_t c = columns.first; c < row.size(); ++c) {
    html += formatted("<td class=\"{}\">{}</td>",
                      columns.is_numeric[c] ? "number" : "text",
                      cell_content(row[c], columns.is_numeric[c]));
  }
  return html + "</tr>\n";
}

/// @throws std::logic_error unless there are columns and every row has a cell for each
void check(const MarkedTable& marked) {
  const Table& table = marked.table;
  const std::size_t least = marked.second_below_first ? 2 : 1;
  if (table.columns.size() < least) {
    throw std::logic_error(formatted("table '{}': too few columns", table.title));
  }
  for (const auto& row : table.rows) {
    if (row.size() == table.columns.size()) continue;
    throw std::logic_error(formatted("table '{}': a row of {} cells for {} columns",
                                     table.title,
                                     row.size(),
                                     table.columns.size()));
  }
}

std::string render(const MarkedTable& marked) {
  const Table& table = marked.table;
  check(marked);
  const Columns columns{find_number_columns(table), marked.second_below_first ? 2U : 1U};
  std::string html = "<div class=\"table\">\n" + element("h3", "", table.title);
  // A region that can be focused lets the keyboard scroll a wide table.
  html +=
      formatted("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table>",
                escaped(table.title.empty() ? "table" : table.title));
  html += table_head(table, columns) + "<tbody>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const RowKind kind = r < marked.kinds.size() ? marked.kinds[r] : RowKind::kPlain;
    html += table_row(table.rows[r], kind, columns);
  }
  html += "</tbody></table></div>\n";
  if (!table.notes.empty()) html += "<ul class=\"notes\">\n";
  for (const std::string& note : table.notes) html += element("li", "", note);
  if (!table.notes.empty()) html += "</ul>\n";
  return html + "</div>\n";
}

// ---- text and figures ----

std::string render(const Paragraph& paragraph) {
  return element("p", "", paragraph.text);
}

std::string render(const Callout& callout) {
  return formatted("<aside class=\"callout{}\">{}{}</aside>\n",
                   callout.tone == Callout::Tone::kWarning ? " warning" : "",
                   element("b", "", callout.title),
                   element("p", "", callout.text));
}

std::string render(const Facts& facts) {
  std::string html = "<dl class=\"facts\">\n";
  for (const auto& [label, value] : facts.items) {
    html += formatted("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(label), escaped(value));
  }
  return html + "</dl>\n";
}

std::string render(const FigureGrid& grid) {
  std::string html = "<div class=\"figures\">\n";
  for (const Figure& figure : grid.figures) {
    html += "<figure>\n" + figure.svg + element("figcaption", "", figure.caption) + "</figure>\n";
  }
  return html + "</div>\n";
}

std::string render(const Details& details) {
  return formatted(
      "<details><summary>{}</summary><div class=\"inside\"><pre>{}</pre></div></details>\n",
      escaped(details.summary),
      escaped(details.text));
}

// ---- gallery ----

/// The media type that the first bytes tell, "" for none that a page may hold.
std::string_view media_type(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return "";
}

std::string render(const KeyFrame& frame, const GalleryItem& item) {
  const std::string_view type = media_type(frame.image_bytes);
  if (type.empty()) {
    throw DataError(formatted("item '{}' ({}): frame '{}' is neither JPEG, PNG nor WebP",
                              item.title,
                              item.subtitle,
                              frame.caption));
  }
  return formatted("<figure><img alt=\"{}\" src=\"data:{};base64,{}\">{}</figure>\n",
                   escaped("key frame " + frame.caption),
                   type,
                   base64(frame.image_bytes),
                   element("figcaption", "", frame.caption));
}

std::string render(const GalleryItem& item) {
  std::string html = "<article class=\"card\">\n" + element("h3", "", item.title) +
                     element("p", "subtitle", item.subtitle);
  if (!item.frames.empty()) html += "<div class=\"frames\">\n";
  for (const KeyFrame& frame : item.frames) html += render(frame, item);
  if (!item.frames.empty()) html += "</div>\n";
  for (const auto& [label, text] : item.texts) {
    html += formatted("<p class=\"said\"><b>{}</b>{}</p>\n", escaped(label), escaped(text));
  }
  return html + "</article>\n";
}

std::string render(const Gallery& gallery) {
  std::string html = "<div class=\"gallery\">\n";
  for (const GalleryItem& item : gallery.items) html += render(item);
  return html + "</div>\n";
}

// ---- rollouts ----

double mean_reward(const RolloutGroup& group) {
  double sum = 0;
  for (const Completion& completion : group.completions) sum += completion.reward;
  return group.completions.empty() ? 0 : sum / static_cast<double>(group.completions.size());
}

/// A small badge, green above the group's mean and red below: what the advantage rewards.
std::string reward_badge(double reward, double mean) {
  const double distance = reward - mean;
  const char* tone = distance > 1e-9 ? " above" : distance < -1e-9 ? " below" : "";
  const std::string number = reward == 0 ? "0" : formatted("{:+.3g}", reward);
  return formatted("<span class=\"reward{}\">{}</span>", tone, number);
}

/// Escaped text in which the tags of an answer are set apart.
std::string with_answer_tags(const std::string& text) {
  constexpr std::array<std::string_view, 4> kTags = {
      "&lt;think&gt;", "&lt;/think&gt;", "&lt;answer&gt;", "&lt;/answer&gt;"};
  std::string html = escaped(text);
  for (const std::string_view tag : kTags) {
    const std::string marked = formatted("<span class=\"tag\">{}</span>", tag);
    for (std::size_t at = html.find(tag); at != std::string::npos;
         at = html.find(tag, at + marked.size())) {
      html.replace(at, tag.size(), marked);
    }
  }
  return html;
}

std::string render(const RolloutGroup& group) {
  const double mean = mean_reward(group);
  std::string html =
      formatted("<details><summary>{}<span class=\"rewards\">", escaped(group.title));
  for (const Completion& completion : group.completions) {
    html += reward_badge(completion.reward, mean);
  }
  html += "</span></summary><div class=\"inside\"><p class=\"label\">Prompt</p>";
  html += formatted("<pre>{}</pre>\n", escaped(group.prompt));
  html += formatted("<p class=\"label\">Completions (mean reward {:.3g})</p>\n", mean);
  html += "<div class=\"completions\">\n";
  for (const Completion& completion : group.completions) {
    html += formatted("<div>{}{}<pre>{}</pre></div>\n",
                      reward_badge(completion.reward, mean),
                      element("span", "remark", completion.remark),
                      with_answer_tags(completion.text));
  }
  return html + "</div></div></details>\n";
}

std::string render(const Rollouts& rollouts) {
  std::string html;
  for (const RolloutGroup& group : rollouts.groups) html += render(group);
  return html;
}

// ---- page ----

std::string render(const std::vector<Block>& blocks) {
  std::string html;
  for (const Block& block : blocks) {
    html += std::visit([](const auto& part) { return render(part); }, block);
  }
  return html;
}

std::string head_of(const Page& page) {
  return formatted(
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n"
             "<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>",
             escaped(kPolicy),
             escaped(page.title)) +
         std::string(kPageStyle) + "</style>\n</head>\n";
}

std::string contents_of(const Page& page) {
  std::string html = "<nav aria-label=\"Contents\"><ol>\n";
  for (std::size_t i = 0; i < page.sections.size(); ++i) {
    html += formatted(
        "<li><a href=\"#section-{}\">{}</a></li>\n", i + 1, escaped(page.sections[i].title));
  }
  return html + "</ol></nav>\n";
}

std::string render(const Section& section, std::size_t number) {
  return formatted("<section id=\"section-{}\">\n", number) + element("h2", "", section.title) +
         element("p", "lead", section.lead) + render(section.blocks) + "</section>\n";
}

}  // namespace

std::string to_html(const Page& page) {
  std::string html = head_of(page) + "<body>\n<div class=\"page\">\n<header>\n";
  html += element("p", "kicker", page.kicker) + element("h1", "", page.title);
  html += element("p", "lead", page.lead) + "</header>\n" + render(page.head);
  html += "<div class=\"columns\">\n";
  if (!page.sections.empty()) html += contents_of(page);
  html += "<main>\n";
  for (std::size_t i = 0; i < page.sections.size(); ++i) html += render(page.sections[i], i + 1);
  html += "</main>\n</div>\n" + element("footer", "", page.footer);
  return html + "</div>\n</body>\n</html>\n";
}

}  // namespace vragent::report
