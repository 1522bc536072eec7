// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Tables 1 to 6 of the paper as printed, and our own numbers in the same columns. Own numbers
// always say which data they come from; numbers of different protocols never meet in one table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vragent/metrics/statistics.h"
#include "vragent/report/marked_table.h"
#include "vragent/util/table.h"

namespace vragent::report {

/// Table 1 to 6 as the paper prints it, remarks on doubtful rows as notes.
/// @throws ConfigError for another number
Table published_table(int id);

/// Columns of numbers of a table, for example {"HR@10", "NDCG@10", "HR@20", "NDCG@20"}.
/// @throws ConfigError for an unknown table
std::vector<std::string> published_columns(int id);

/// One number of ours, a fraction (not percent).
struct OwnValue {
  std::string column;  ///< one of published_columns()
  double value = 0;
  std::optional<metrics::Interval> interval = std::nullopt;
  std::optional<double> std = std::nullopt;  ///< sample deviation over repeats
};

/// One row of ours.
struct OwnRow {
  std::string name;      ///< as in the published table to stand below that row, or a new name
  std::string data;      ///< what it was measured on: "mini world (seed 7)", "MicroLens-50K"
  std::string protocol;  ///< how; must be the same in all rows of one table
  std::vector<OwnValue> values;
  bool is_control = false;
  std::int64_t num_runs = 1;  ///< seeds behind the row: values are their means when there are more
};

/// Each published row, below it our rows of that name, then our other rows. A column says where
/// each row's numbers come from.
/// @throws ConfigError for an unknown table, DataError naming the row when data or protocol is
/// empty, protocols differ, a column is unknown or given twice, a value is no fraction, or two rows
/// have the same name and data
MarkedTable beside_published(int id, std::span<const OwnRow> rows);

/// Our rows alone in the columns of a table: those that the paper names in its order, then the
/// others. Errors as above.
MarkedTable own_table(int id, std::span<const OwnRow> rows);

}  // namespace vragent::report
