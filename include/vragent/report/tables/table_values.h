// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rows of tables as numbers: runs of one name averaged, and rows as JSON.
#pragma once

#include <vector>

#include "vragent/report/paper_tables.h"
#include "vragent/report/tables/run_tables.h"
#include "vragent/util/json.h"

namespace vragent::report::runs {

/// One row is itself; of several the mean and sample deviation of each column that all of them
/// have, without intervals (those speak of one run).
OwnRow average_of(const std::vector<OwnRow>& rows);

/// The object of table_json().
OrderedJson table_object(const RunTable& table);

}  // namespace vragent::report::runs
