// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The least data that commands run on: a few users, videos with titles, texts for tokenizers.
#pragma once

#include <string>
#include <vector>

#include "support/command_line.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"
#include "vragent/util/text.h"

namespace vragent::test {

inline constexpr std::int64_t kNumSmallItems = 24;

/// "user TAB item item ...": 20 users with 6 to 9 of 24 videos each.
inline std::string small_interactions() {
  RandomStream random(5);
  std::string lines;
  for (int user = 1; user <= 20; ++user) {
    lines += std::to_string(user) + "\t";
    std::string items;
    for (const std::int64_t item : random.sample(kNumSmallItems, 6 + user % 4))
      items += (items.empty() ? "" : " ") + std::to_string(item + 1);
    lines += items + "\n";
  }
  return lines;
}

/// "item,title" of every video.
inline std::string small_titles() {
  std::string lines;
  for (std::int64_t item = 1; item <= kNumSmallItems; ++item)
    lines += std::to_string(item) + ",a red boat at the beach " + std::to_string(item) + "\n";
  return lines;
}

/// The objects of a text of JSON lines.
inline std::vector<Json> objects_in(const std::string& text) {
  std::vector<Json> objects;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) objects.push_back(parse_json_object(line, "line"));
  }
  return objects;
}

/// A folder with interactions.tsv and titles.csv.
class SmallFiles : public CommandLine {
 protected:
  void SetUp() override {
    write("interactions.tsv", small_interactions());
    write("titles.csv", small_titles());
  }

  /// Makes models/lm, models/clip, models/vlm and models/bert with random weights.
  void make_models() {
    write("texts.txt", "wow a red boat at the beach\nyes no the user watched a video\n");
    output_of("$mini_world models --out models --texts texts.txt --vocab-size 600");
  }

  /// The rows of a file of JSON lines, without what the clock says.
  [[nodiscard]] std::vector<Json> rows_of(const std::string& file) const {
    std::vector<Json> rows = objects_in(read(file));
    for (Json& row : rows) {
      for (const char* clock : {"step_time", "rollout_time", "latency_ms", "seconds"})
        row.erase(clock);
    }
    return rows;
  }

  /// Every path below `folder`, for asking what a run left behind.
  [[nodiscard]] std::string listing(const std::string& folder) const {
    std::string names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(here() / folder))
      names += entry.path().lexically_relative(here() / folder).string() + "\n";
    return names;
  }
};

/// What makes cases of the small files without a recommender's lists.
inline const std::string kMakeCases =
    "$vragent eval make-cases --interactions interactions.tsv --items titles.csv --users all "
    "--negatives uniform ";

}  // namespace vragent::test
