// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/dataset.h"

#include "mini_world/drawing/clips.h"
#include "mini_world/parallel.h"
#include "mini_world/wording.h"
#include "vragent/media/video_writer.h"
#include "vragent/util/config.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"

namespace mini_world {
namespace fs = std::filesystem;

namespace {

using vragent::formatted;
using vragent::OrderedJson;
using vragent::RandomStream;

constexpr std::int64_t kHour = 3'600'000;               // in milliseconds
constexpr std::int64_t kFirstTime = 1'640'995'200'000;  // 2022-01-01

/// A CSV field, in quotes only where it must be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string item_id(int index) {
  return std::to_string(index + 1);
}

void write_times(const fs::path& path, const std::vector<WorldUser>& users, std::int64_t seed) {
  std::string text = "user,item,timestamp\n";
  for (std::size_t i = 0; i < users.size(); ++i) {
    RandomStream random = indexed_stream(seed, "time", static_cast<std::int64_t>(i));
    std::int64_t time = kFirstTime + random.below(180 * 24 * kHour);
    for (const int item : users[i].watched) {
      text += formatted("{},{},{}\n", i + 1, item_id(item), time);
      time += kHour + random.below(72 * kHour);
    }
  }
  vragent::write_file(path, text);
}

void write_titles(const fs::path& path, const std::vector<WorldItem>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    text += formatted("{},{}\n", i + 1, csv_field(items[i].title));
  }
  vragent::write_file(path, text);
}

void write_likes_and_views(const fs::path& path,
                           const std::vector<WorldItem>& items,
                           const std::vector<WorldUser>& users,
                           std::int64_t seed) {
  std::vector<std::int64_t> counts(items.size());
  for (const WorldUser& user : users) {
    for (const int item : user.watched) ++counts[static_cast<std::size_t>(item)];
  }
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    RandomStream random = indexed_stream(seed, "views", static_cast<std::int64_t>(i));
    const std::int64_t views = 1000 * counts[i] + random.below(1000);
    const auto likes =
        static_cast<std::int64_t>(static_cast<double>(views) * random.uniform(.02, .1));
    text += formatted("{}\t{}\t{}\n", i + 1, likes, views);
  }
  vragent::write_file(path, text);
}

OrderedJson to_json(const Attributes& attributes, bool has_genre) {
  OrderedJson json;
  for (const Slot slot : kSlots) {
    if (slot != Slot::kGenre || has_genre) json[name_of(slot)] = attributes.word(slot);
  }
  return json;
}

void write_truth(const fs::path& path, const std::vector<WorldItem>& items, std::int64_t seed) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    OrderedJson row;
    row["item_id"] = item_id(static_cast<int>(i));
    row.update(to_json(items[i].own, true));
    row["caption"] = caption_of(items[i].own);
    row["b_roll"] = to_json(items[i].b_roll, false);
    row["frames_per_second"] = kFramesPerSecond;
    for (const FrameKind kind : layout_of(seed, static_cast<std::int64_t>(i))) {
      row["frames"].push_back(name_of(kind));
    }
    text += vragent::dump_json(row) + "\n";
  }
  vragent::write_file(path, text);
}

void write_truth_of_users(const fs::path& path, const std::vector<WorldUser>& users) {
  std::string text;
  for (std::size_t i = 0; i < users.size(); ++i) {
    const Tastes& tastes = users[i].tastes;
    const auto word = [](Slot slot, int value) {
      return words_of(slot)[static_cast<std::size_t>(value)];
    };
    OrderedJson row;
    row["user_id"] = std::to_string(i + 1);
    for (const int value : tastes.subjects) row["subjects"].push_back(word(Slot::kSubject, value));
    for (const int value : tastes.activities) {
      row["activities"].push_back(word(Slot::kActivity, value));
    }
    row["genre"] = word(Slot::kGenre, tastes.genre);
    row["colour"] = word(Slot::kColour, tastes.colour);
    text += vragent::dump_json(row) + "\n";
  }
  vragent::write_file(path, text);
}

void write_videos(const DatasetConfig& config, const std::vector<WorldItem>& items) {
  const fs::path folder = config.out / kVideosFolder;
  vragent::make_folder(folder);
  const auto count = static_cast<std::int64_t>(items.size());
  parallel_for("videos", count, config.jobs, [&](std::int64_t i) {
    const Clip clip = draw_clip(items[static_cast<std::size_t>(i)], config.world.seed, i);
    vragent::media::write_video(folder / (item_id(static_cast<int>(i)) + ".mp4"),
                                clip.frames,
                                {.frames_per_second = kFramesPerSecond});
  });
}

}  // namespace

void DatasetConfig::check() const {
  vragent::check_given("out", out);
  vragent::check_range("jobs", static_cast<double>(jobs), 1, 256);
  world.check();
}

void write_behaviour(const fs::path& folder,
                     const std::string& prefix,
                     const std::vector<WorldUser>& users,
                     std::int64_t first_user_id) {
  std::string pairs;
  std::string comments;
  std::int64_t user_id = first_user_id;
  for (const WorldUser& user : users) {
    pairs += std::to_string(user_id) + "\t";
    for (std::size_t i = 0; i < user.watched.size(); ++i) {
      const std::string item = item_id(user.watched[i]);
      pairs += (i > 0 ? " " : "") + item;
      comments += formatted("{}\t{}\t{}\n", user_id, item, user.comments[i]);
    }
    pairs += "\n";
    ++user_id;
  }
  vragent::write_file(folder / (prefix + "_pairs.tsv"), pairs);
  vragent::write_file(folder / (prefix + "_comment_en.txt"), comments);
}

DatasetCounts make_dataset(const DatasetConfig& config) {
  config.check();
  const std::int64_t seed = config.world.seed;
  const auto items = draw_items(seed, config.world.num_items());
  const auto users = draw_users(items, TasteWeights{}, seed, "user", config.world.num_users());

  vragent::make_folder(config.out);
  write_behaviour(config.out, "mini", users, 1);
  write_times(config.out / "mini_pairs.csv", users, seed);
  write_titles(config.out / "mini_title_en.csv", items);
  write_likes_and_views(config.out / "mini_likes_and_views.txt", items, users, seed);
  write_truth(config.out / kTruthFile, items, seed);
  write_truth_of_users(config.out / kTruthUsersFile, users);
  write_videos(config, items);

  DatasetCounts counts = {.items = config.world.num_items(), .users = config.world.num_users()};
  for (const WorldUser& user : users) {
    counts.interactions += static_cast<std::int64_t>(user.watched.size());
  }
  return counts;
}

}  // namespace mini_world
