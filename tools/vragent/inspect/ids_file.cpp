// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "inspect/ids_file.h"

#include <algorithm>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/text.h"

namespace vragent::tools {

std::vector<std::int64_t> ids_of(const Json& list, const std::string& where) {
  const bool is_whole =
      list.is_array() &&
      std::all_of(list.begin(), list.end(), [](const Json& id) { return id.is_number_integer(); });
  if (!is_whole) throw DataError(where + ": a list of token ids (or of such lists) is wanted");
  return list.get<std::vector<std::int64_t>>();
}

std::vector<IdsRow> read_ids(const std::filesystem::path& path) {
  if (path.empty()) return {};
  std::string text;
  std::vector<std::pair<std::string, std::string>> lines;  // with their "path:line"
  LineReader reader(path);
  for (std::string line; reader.next(line);) {
    text += line + "\n";
    if (!trim(line).empty()) lines.emplace_back(line, reader.where());
  }
  std::vector<IdsRow> rows;
  if (lines.size() > 1 && Json::accept(lines[0].first)) {
    for (const auto& [line, where] : lines)
      rows.push_back({ids_of(parse_json(line, where), where), where});
    return rows;
  }
  const std::string where = path.string();
  const Json list = parse_json(text, where);
  if (!list.is_array() || list.empty() || !list[0].is_array()) {
    rows.push_back({ids_of(list, where), where});
    return rows;
  }
  for (const Json& row : list) rows.push_back({ids_of(row, where), where});
  return rows;
}

}  // namespace vragent::tools
