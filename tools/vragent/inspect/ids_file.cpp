// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "inspect/ids_file.h"

#include <algorithm>

#include "vragent/util/error.h"
#include "vragent/util/files.h"

namespace vragent::tools {
std::vector<std::int64_t> ids_of(const Json& list, const std::string& where) {
  const bool is_whole =
      list.is_array() &&
      std::all_of(list.begin(), list.end(), [](const Json& id) { return id.is_number_integer(); });
  if (!is_whole) throw DataError(where + ": a list of token ids (or of such lists) is wanted");
  return list.get<std::vector<std::int64_t>>();
}

std::vector<std::vector<std::int64_t>> read_ids(const std::filesystem::path& path) {
  if (path.empty()) return {};
  const Json list = parse_json(read_file(path), path.string());
  if (!list.is_array() || list.empty() || !list[0].is_array()) return {ids_of(list, path.string())};
  std::vector<std::vector<std::int64_t>> rows;
  for (const Json& row : list) rows.push_back(ids_of(row, path.string()));
  return rows;
}

}  // namespace vragent::tools
