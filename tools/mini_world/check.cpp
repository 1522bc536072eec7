// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "mini_world/check.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mini_world/dataset.h"
#include "mini_world/wording.h"
#include "vragent/data/formats/item_reader.h"
#include "vragent/data/media_records.h"
#include "vragent/data/run_dir.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace mini_world {
namespace fs = std::filesystem;

namespace {

using vragent::formatted;
using vragent::JsonRecord;
using vragent::Table;

using TimesByItem = std::unordered_map<std::string, std::vector<double>>;
using TextByItem = std::unordered_map<std::string, std::string>;

FrameKind parse_kind(const std::string& name, const JsonRecord& record) {
  for (const FrameKind kind : {FrameKind::kOnTopic, FrameKind::kBRoll, FrameKind::kCard}) {
    if (name == name_of(kind)) return kind;
  }
  if (name != name_of(FrameKind::kTransition)) record.fail("frames", "unknown kind " + name);
  return FrameKind::kTransition;
}

ItemTruth parse_truth(const JsonRecord& record) {
  ItemTruth truth;
  for (const Slot slot : kSlots) {
    const std::string key = name_of(slot);
    const auto& words = words_of(slot);
    const auto found = std::find(words.begin(), words.end(), record.text(key.c_str()));
    if (found == words.end()) record.fail(key.c_str(), "unknown word");
    truth.own[slot] = static_cast<int>(found - words.begin());
  }
  for (const std::string& name : record.texts_or_empty("frames")) {
    truth.frames.push_back(parse_kind(name, record));
  }
  if (truth.frames.empty()) record.fail("frames", "must not be empty");
  truth.frames_per_second = record.number("frames_per_second");
  return truth;
}

const ItemTruth& truth_of(const Truth& truth, const std::string& item_id) {
  const auto found = truth.find(item_id);
  if (found == truth.end()) {
    throw vragent::DataError(formatted("item {} is not in this world's {}", item_id, kTruthFile));
  }
  return found->second;
}

/// Key frames' times of frames.jsonl.
TimesByItem key_times(const fs::path& path) {
  TimesByItem times;
  for (const auto& row : vragent::data::load_frames(path)) {
    if (row.status != "ok" || row.key_frames.empty()) continue;
    for (const std::int64_t index : row.key_frames) {
      times[row.item_id].push_back(row.times_seconds.at(static_cast<std::size_t>(index)));
    }
  }
  return times;
}

/// What one captions.jsonl says: the captions and the times of the frames behind them.
struct Captions {
  std::string name;
  TimesByItem times;
  TextByItem texts;
};

Captions read_captions(const fs::path& path) {
  Captions captions = {.name = path.string(), .times = {}, .texts = {}};
  for (const auto& row : vragent::data::load_captions(path)) {
    if (row.status != "ok") continue;
    captions.texts[row.item_id] = row.caption;
    if (!row.key_times_seconds.empty()) captions.times[row.item_id] = row.key_times_seconds;
  }
  return captions;
}

TextByItem read_titles(const fs::path& world) {
  TextByItem titles;
  for (const auto& item : vragent::data::formats::load_items(world / "mini_title_en.csv").items) {
    titles[item.id] = item.title;
  }
  return titles;
}

std::string share(double value) {
  return formatted("{:.3f}", value);
}

void add_shares(Table& table, const std::string& name, const FrameShares& shares) {
  if (shares.num_items == 0) return;
  table.rows.push_back({name,
                        std::to_string(shares.num_items),
                        share(shares.on_topic),
                        share(shares.at_least_three),
                        share(shares.none)});
}

void add_accuracy(Table& table, const std::string& name, const SlotAccuracy& accuracy) {
  std::vector<std::string> row = {name, std::to_string(accuracy.num_items)};
  for (const double value : accuracy.by_slot) row.push_back(share(value));
  row.push_back(share(accuracy.mean()));
  table.rows.push_back(std::move(row));
}

Table accuracy_table() {
  Table table = {.title = "Attributes that texts name rightly", .columns = {"texts", "items"}};
  for (const Slot slot : kSlots) table.columns.push_back(name_of(slot));
  table.columns.push_back("mean");
  table.notes = {"The first-named word of a slot counts; a slot that is not named is wrong."};
  return table;
}

}  // namespace

void CheckConfig::check() const {
  vragent::check_given("world", world);
  if (frames.empty() && captions.empty()) {
    throw vragent::ConfigError("--frames or --captions is required");
  }
}

FrameKind ItemTruth::kind_at(double seconds) const {
  // A time on the border of two frames belongs to the later one, however it was rounded.
  const auto index = static_cast<std::int64_t>(std::floor(seconds * frames_per_second + 1e-6));
  const auto last = static_cast<std::int64_t>(frames.size()) - 1;
  return frames[static_cast<std::size_t>(std::clamp<std::int64_t>(index, 0, last))];
}

Truth load_truth(const fs::path& world) {
  Truth truth;
  vragent::for_each_line(world / kTruthFile,
                         [&](const std::string& line, const std::string& where) {
                           const vragent::Json json = vragent::parse_json_object(line, where);
                           const JsonRecord record(json, where);
                           truth[record.id("item_id")] = parse_truth(record);
                         });
  return truth;
}

FrameShares frame_shares(const Truth& truth, const TimesByItem& chosen) {
  FrameShares shares;
  for (const auto& [item_id, times] : chosen) {
    const ItemTruth& item = truth_of(truth, item_id);
    const auto hits = std::count_if(times.begin(), times.end(), [&](double seconds) {
      return item.kind_at(seconds) == FrameKind::kOnTopic;
    });
    ++shares.num_items;
    shares.on_topic += static_cast<double>(hits) / static_cast<double>(times.size());
    shares.at_least_three += hits >= 3 ? 1 : 0;
    shares.none += hits == 0 ? 1 : 0;
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(shares.num_items, 1));
  shares.on_topic /= count;
  shares.at_least_three /= count;
  shares.none /= count;
  return shares;
}

double SlotAccuracy::mean() const {
  return std::accumulate(by_slot.begin(), by_slot.end(), 0.0) / static_cast<double>(by_slot.size());
}

SlotAccuracy slot_accuracy(const Truth& truth, const TextByItem& texts) {
  SlotAccuracy accuracy = {.num_items = static_cast<std::int64_t>(texts.size()), .by_slot = {}};
  for (const auto& [item_id, text] : texts) {
    const Attributes& own = truth_of(truth, item_id).own;
    for (const Slot slot : kSlots) {
      const std::vector<int> named = words_in(text, slot);
      if (!named.empty() && named.front() == own[slot]) {
        ++accuracy.by_slot[static_cast<std::size_t>(slot)];
      }
    }
  }
  for (double& value : accuracy.by_slot) value /= std::max(static_cast<double>(texts.size()), 1.0);
  return accuracy;
}

std::vector<Table> check_world(const CheckConfig& config) {
  config.check();
  const Truth truth = load_truth(config.world);
  Table frames = {.title = "Key frames that show the video's topic",
                  .columns = {"frames", "items", "on topic", "3 or more", "none"}};
  Table texts = accuracy_table();
  if (!config.frames.empty()) {
    const fs::path path = vragent::data::file_in(config.frames, vragent::data::kFramesFile);
    add_shares(frames, path.string(), frame_shares(truth, key_times(path)));
  }
  add_accuracy(texts, "titles", slot_accuracy(truth, read_titles(config.world)));
  for (const fs::path& path : config.captions) {
    const Captions captions =
        read_captions(vragent::data::file_in(path, vragent::data::kCaptionsFile));
    add_shares(frames, captions.name, frame_shares(truth, captions.times));
    add_accuracy(texts, captions.name, slot_accuracy(truth, captions.texts));
  }
  return {frames, texts};
}

}  // namespace mini_world
