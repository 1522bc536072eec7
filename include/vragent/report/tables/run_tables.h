// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `eval table`: the tables of the paper from the files of runs. Tables 1, 4 and 5 are built from
// metrics.json, Tables 2 and 6 from scores.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/report/marked_table.h"
#include "vragent/report/paper_tables.h"
#include "vragent/util/table.h"

namespace vragent::report::runs {

struct TableConfig {
  std::int64_t id = 0;
  std::vector<std::string> runs;
  std::string data;
  std::string negatives;
  bool published = false;
  bool intervals = true;

  void visit(auto& v) {
    v("id", id, "table of the paper: 1, 2, 4, 5 or 6 (required)");
    v("runs",
      runs,
      "NAME=RUN: a row's name and the run folder (or metrics.json, scores.json) behind it; runs of "
      "one name are averaged, recommenders if they differ in their seed only");
    v("data", data, "what the runs were measured on, for example \"mini world\" (required)");
    v("negatives",
      negatives,
      "tables 2 and 6: kind of negatives that is shown (the only one, else topk)");
    v("published", published, "show the paper's rows beside ours");
    v("intervals", intervals, "tables 2 and 6: show 95 % intervals of rows of one run");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// A table for people and the rows it was made from.
struct RunTable {
  std::int64_t id = 0;
  bool has_published = false;
  MarkedTable marked;
  std::vector<OwnRow> rows;
};

/// Builds a table. In Tables 2 and 6 NAME is the agent that asked a model, and controls of the same
/// files get rows of their own; in Tables 1, 4 and 5 pop and markov are controls, and notes name
/// the loss and the selection metric of the other rows.
/// @throws ConfigError on a run without a name or several such agents in one file; DataError when
///   runs were measured by different protocols or on different cases, or recommenders of one name
///   differ in more than their seed or not even in it; Error (66)
RunTable build_table(const TableConfig& config);

/// The table for a terminal or a Markdown file: controls are marked behind their names.
Table plain_table(const RunTable& table);

/// {"id", "title", "columns", "protocol", "rows": [{"name", "kind": "paper" | "ours" | "control",
///   "data", "num_runs", "values": {COLUMN: {"value", "std", "low", "high"}}}], "notes"}; indented,
/// with a last line end.
std::string table_json(const RunTable& table);

}  // namespace vragent::report::runs
