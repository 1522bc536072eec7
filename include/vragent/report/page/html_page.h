// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One self-contained HTML file: inline style, images as data URIs, no script, and a content
// security policy that forbids every connection. A page is described by plain structs and rendered
// at the end; all text is escaped, wherever it comes from.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vragent/report/marked_table.h"

namespace vragent::report {

struct Paragraph {
  std::string text;
};

/// A framed remark.
struct Callout {
  enum class Tone { kNote, kWarning };

  Tone tone = Tone::kNote;
  std::string title;
  std::string text;
};

/// Labelled values side by side, for example {"users", "1,500"}.
struct Facts {
  std::vector<std::pair<std::string, std::string>> items;
};

/// A chart: SVG text as to_svg() gives it, and the sentence below it.
struct Figure {
  std::string svg;
  std::string caption;
};

/// Figures in as many columns as the screen has room for.
struct FigureGrid {
  std::vector<Figure> figures;
};

/// An image file's bytes and the words below it.
struct KeyFrame {
  std::string image_bytes;  ///< JPEG, PNG or WebP
  std::string caption;      ///< for example "0:04"
};

struct GalleryItem {
  std::string title;
  std::string subtitle;  ///< for example the item's id
  std::vector<KeyFrame> frames;
  std::vector<std::pair<std::string, std::string>> texts;  ///< label and text, top to bottom
};

/// Cards of items with their key frames.
struct Gallery {
  std::vector<GalleryItem> items;
};

struct Completion {
  std::string text;
  double reward = 0;
  std::string remark;  ///< for example "format 1, answer -1"
};

/// One prompt and its group of rollouts.
struct RolloutGroup {
  std::string title;
  std::string prompt;
  std::vector<Completion> completions;
};

/// Groups of rollouts, each folded until it is opened.
struct Rollouts {
  std::vector<RolloutGroup> groups;
};

/// Preformatted text, folded until it is opened.
struct Details {
  std::string summary;
  std::string text;
};

using Block =
    std::variant<Paragraph, Callout, Facts, MarkedTable, FigureGrid, Gallery, Rollouts, Details>;

struct Section {
  std::string title;
  std::string lead;  ///< one or two sentences below the title; may be empty
  std::vector<Block> blocks;
};

struct Page {
  std::string kicker;  ///< small line above the title, for example "vragent report"
  std::string title;
  std::string lead;
  std::vector<Block> head;  ///< between title and contents: facts, a note on honesty
  std::vector<Section> sections;
  std::string footer;
};

/// The whole document. The same page gives the same text.
/// @throws DataError naming the item when an image is neither JPEG, PNG nor WebP; std::logic_error
/// when a table's row has not one cell a column
std::string to_html(const Page& page);

}  // namespace vragent::report
