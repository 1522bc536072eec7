// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Decoding on a CPU: only rows that are alive are computed, and nothing is copied when they go.
#pragma once

#include <vector>

#include "vragent/engine/decoding/decode_batch.h"

namespace vragent::engine {

class RowBatch : public DecodeBatch {
 public:
  RowBatch(const models::TextModel& model, const BatchLimits& limits);

  void add(std::span<const std::int64_t> num_samples,
           std::vector<std::vector<ops::LayerKv>> prefixes) override;
  void remove(const std::vector<bool>& done) override;
  torch::Tensor step(std::span<const NextToken> tokens) override;

 private:
  void grow_slots();

  const models::TextModel& model_;
  BatchLimits limits_;
  std::vector<std::int64_t> free_slots_;
  ops::DecodeCache cache_;
};

}  // namespace vragent::engine
