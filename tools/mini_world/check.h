// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Measures the captioner's mechanism against the truth of a mini world: do the key frames show what
// the video is about, and do the captions name it?
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "mini_world/drawing/clips.h"
#include "mini_world/world.h"
#include "vragent/util/table.h"

namespace mini_world {

struct CheckConfig {
  std::filesystem::path world;
  std::filesystem::path frames;
  std::vector<std::filesystem::path> captions;

  void visit(auto& v) {
    v("world", world, "folder that `mini_world make` wrote");
    v("frames", frames, "frames.jsonl with key frames, or the folder that holds it");
    v("captions", captions, "captions.jsonl, or the folder that holds it; several give a row each");
  }

  /// @throws vragent::ConfigError when the world, or both of the others, are missing
  void check() const;
};

/// What is true of one item.
struct ItemTruth {
  Attributes own;
  std::vector<FrameKind> frames;
  double frames_per_second = kFramesPerSecond;

  /// What the frame shown at a time shows.
  [[nodiscard]] FrameKind kind_at(double seconds) const;
};

using Truth = std::unordered_map<std::string, ItemTruth>;  ///< by item id

/// Reads truth.jsonl. @throws vragent::DataError with path:line
Truth load_truth(const std::filesystem::path& world);

/// How much of what was chosen is on topic, over items.
struct FrameShares {
  std::int64_t num_items = 0;
  double on_topic = 0;        ///< mean share of the chosen frames
  double at_least_three = 0;  ///< items with three or more chosen frames on topic
  double none = 0;            ///< items with no chosen frame on topic
};

/// @param chosen  item id -> times in seconds. @throws vragent::DataError on an unknown item
FrameShares frame_shares(const Truth& truth,
                         const std::unordered_map<std::string, std::vector<double>>& chosen);

/// Share of texts whose first-named word of a slot is the true one, by slot; a slot that is not
/// named counts as wrong.
struct SlotAccuracy {
  std::int64_t num_items = 0;
  std::array<double, 5> by_slot = {};

  [[nodiscard]] double mean() const;
};

/// @param texts  item id -> text. @throws vragent::DataError on an unknown item
SlotAccuracy slot_accuracy(const Truth& truth,
                           const std::unordered_map<std::string, std::string>& texts);

/// The tables "key frames" and "captions"; titles are a row of the latter, as the control.
std::vector<vragent::Table> check_world(const CheckConfig& config);

}  // namespace mini_world
