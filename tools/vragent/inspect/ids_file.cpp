// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "inspect/ids_file.h"

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::tools {

std::vector<std::vector<std::int64_t>> read_ids(const std::filesystem::path& path) {
  if (path.empty()) return {};
  const Json list = parse_json(read_file(path), path.string());
  try {
    if (list.is_array() && !list.empty() && list[0].is_array())
      return list.get<std::vector<std::vector<std::int64_t>>>();
    return {list.get<std::vector<std::int64_t>>()};
  } catch (const Json::exception&) {
    throw DataError(path.string() + ": a list of token ids (or of such lists) is wanted");
  }
}

}  // namespace vragent::tools
