// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Interactions as records: a JSON object or a Python dict a line.
#pragma once

#include <string>

#include "data/formats/event_table.h"
#include "data/formats/line_window.h"
#include "vragent/data/formats/interaction_reader.h"

namespace vragent::data::formats {

/// Reads all records into `table`. The members of the first record decide which are the user, the
/// item, the rating and the time; in a Steam review (username and product_id) these are username,
/// product_id and date. @param format steam or jsonl. @throws DataError with path:line, ConfigError
void read_records(LineWindow& lines,
                  const std::string& format,
                  const ReadConfig& config,
                  EventTable& table);

}  // namespace vragent::data::formats
