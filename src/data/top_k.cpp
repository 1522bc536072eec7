// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/top_k.h"

#include <unordered_set>
#include <utility>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::data {
namespace {

const std::vector<std::string_view> kKnown = {"user_id", "items", "scores"};

}  // namespace

std::string to_line(const TopK& row) {
  OrderedJson object;
  object["user_id"] = row.user_id;
  object["items"] = row.items;
  if (!row.scores.empty()) object["scores"] = row.scores;
  add_members(object, row.extra);
  return dump_json(object);
}

TopK parse_top_k(const std::string& line, const std::string& where) {
  const Json object = parse_json_object(line, where);
  const JsonRecord record(object, where);
  TopK row;
  row.user_id = record.id("user_id");
  static_cast<void>(record.array("items"));  // missing is an error, empty is not
  row.items = record.texts_or_empty("items");
  row.scores = record.numbers_or_empty("scores");
  row.extra = unknown_members(object, kKnown);
  if (!row.scores.empty() && row.scores.size() != row.items.size()) {
    record.fail("scores", "as many as items are wanted");
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& item : row.items) {
    if (item.empty()) record.fail("items", "an empty id");
    if (!seen.insert(item).second) record.fail("items", "item " + item + " is there twice");
  }
  return row;
}

std::unordered_map<std::string, TopK> load_top_k(const std::filesystem::path& path) {
  std::unordered_map<std::string, TopK> lists;
  for_each_line(path, [&](const std::string& line, const std::string& where) {
    TopK row = parse_top_k(line, where);
    const std::string user_id = row.user_id;
    if (!lists.emplace(user_id, std::move(row)).second) {
      throw DataError(where + ": user " + user_id + " has two lists");
    }
  });
  return lists;
}

}  // namespace vragent::data
