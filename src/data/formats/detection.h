// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The format of a file by its first lines. One rule a format; where two fit, the error names both.
#pragma once

#include <string>
#include <vector>

#include "data/formats/line_window.h"

namespace vragent::data::formats {

/// Whether a line is a JSON object, a Python dict, or neither, by its first quote.
enum class RecordKind { kNone, kJson, kPython };

RecordKind record_kind(std::string_view line);

/// Format of a file of interactions, as ReadConfig::format names it; no line is taken.
/// @param told the columns that were told, see ReadConfig::columns
/// @throws DataError with path:line when no format fits, or several do
std::string detect_interactions(LineWindow& lines, const std::vector<std::string>& told);

}  // namespace vragent::data::formats
