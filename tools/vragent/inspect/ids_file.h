// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Token ids in JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/util/json.h"

namespace vragent::tools {

/// The ids of a JSON list. @param where "path" or "path:line", in front of the error
/// @throws DataError unless they are whole numbers
std::vector<std::int64_t> ids_of(const Json& list, const std::string& where);

/// One list of token ids of a file.
struct IdsRow {
  std::vector<std::int64_t> ids;
  std::string where;  ///< "path:line", or "path" where the file is one JSON text
};

/// A list of lists of token ids, or one list as a list of one, or a list in each line (as `inspect
/// tokenize` writes them); no path gives none.
/// @param path a file, or "-" for stdin. @throws DataError naming file and line, Error (66)
std::vector<IdsRow> read_ids(const std::filesystem::path& path);

}  // namespace vragent::tools
