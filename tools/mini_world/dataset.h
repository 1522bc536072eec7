// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Writes the mini world as a data set in exactly the MicroLens file formats, with encoded videos,
// and beside it the truth, which no command of vragent ever reads:
//   mini_pairs.tsv            user TAB item item ... (oldest first)
//   mini_pairs.csv            user,item,timestamp (header; milliseconds)
//   mini_title_en.csv         item,title (no header)
//   mini_comment_en.txt       user TAB item TAB text
//   mini_likes_and_views.txt  item TAB likes TAB views
//   mini_videos/ITEM.mp4      112 x 112, 5 frames a second, 4 seconds
//   truth.jsonl               attributes of each item, its b-roll, what each frame shows
//   truth_users.jsonl         what each user likes
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mini_world/world.h"

namespace mini_world {

inline constexpr std::string_view kTruthFile = "truth.jsonl";
inline constexpr std::string_view kTruthUsersFile = "truth_users.jsonl";
inline constexpr std::string_view kVideosFolder = "mini_videos";

struct DatasetConfig {
  std::filesystem::path out;
  WorldConfig world;
  std::int64_t jobs = 2;

  void visit(auto& v) {
    v("out", out, "folder of the data set (required)");
    world.visit(v);
    v("jobs", jobs, "threads that draw and encode videos; the files do not depend on it");
  }

  /// @throws vragent::ConfigError
  void check() const;
};

struct DatasetCounts {
  std::int64_t items = 0;
  std::int64_t users = 0;
  std::int64_t interactions = 0;
};

/// Writes the data set. The same seed and sizes give the same bytes of every file.
/// @throws vragent::Error when a file cannot be written, vragent::Interrupted
DatasetCounts make_dataset(const DatasetConfig& config);

/// PREFIX_pairs.tsv and PREFIX_comment_en.txt of users whose ids count up from `first_user_id`.
void write_behaviour(const std::filesystem::path& folder,
                     const std::string& prefix,
                     const std::vector<WorldUser>& users,
                     std::int64_t first_user_id);

}  // namespace mini_world
