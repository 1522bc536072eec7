// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Decoding in steps of one shape: all slots are computed, taken or free, and a step reads what it
// is about from one small array. So a step can be a CUDA graph.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/decoding/step_graph.h"
#include "vragent/engine/decoding/decode_batch.h"
#include "vragent/ops/decoding/slot_attention.h"

namespace vragent::engine {

class SlotBatch : public DecodeBatch {
 public:
  SlotBatch(const models::TextModel& model, const BatchLimits& limits, bool with_graph);

  void add(std::span<const std::int64_t> num_samples,
           std::vector<std::vector<ops::LayerKv>> prefixes) override;
  void remove(const std::vector<bool>& done) override;
  torch::Tensor step(std::span<const NextToken> tokens) override;

 private:
  struct Row {
    std::size_t slot;
    std::size_t group;
  };

  struct Group {
    std::int64_t start = 0;   ///< of its prefix in the pool
    std::int64_t length = 0;  ///< 0: free
    std::int64_t rows = 0;    ///< alive
  };

  void make_room(std::int64_t tokens, const std::vector<ops::LayerKv>& like);
  void repack(std::int64_t capacity, const std::vector<ops::LayerKv>& like);
  void grow_slots();
  void write_input(std::span<const NextToken> tokens);
  torch::Tensor compute();

  const models::TextModel& model_;
  BatchLimits limits_;
  std::vector<Row> rows_;      ///< alive, in order
  std::vector<Group> groups_;  ///< [G]
  std::vector<std::size_t> free_slots_;
  std::vector<std::int64_t> lengths_;  ///< [S] tokens in each slot
  std::vector<std::int64_t> places_;   ///< [S] place of each slot
  std::vector<std::int64_t> slots_;    ///< [G * n] slot of each place
  std::int64_t pool_end_ = 0;          ///< tokens behind it are free
  ops::SlotCache cache_;
  torch::Tensor input_;  ///< ids, positions and what cache_ needs, end to end
  std::optional<StepGraph> graph_;
};

}  // namespace vragent::engine
