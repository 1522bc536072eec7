// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// topk.jsonl: what a recommender would show each user, best first, history masked.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace vragent::data {

/// One user's list. Scores may be absent (empty) in files of others.
struct TopK {
  std::string user_id;
  std::vector<std::string> items;
  std::vector<double> scores;
  std::string extra;  ///< unknown members, kept when a file passes through
};

/// One line of topk.jsonl.
std::string to_line(const TopK& row);

/// @throws DataError with path:line on a missing field, a repeated item, scores of another length
TopK parse_top_k(const std::string& line, const std::string& where);

/// All lists by user id. @throws DataError on a repeated user
std::unordered_map<std::string, TopK> load_top_k(const std::filesystem::path& path);

}  // namespace vragent::data
