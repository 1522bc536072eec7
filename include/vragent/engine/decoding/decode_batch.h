// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The rows that are being decoded and their keys and values. On a CPU rows stand side by side and
// leave no gaps (RowBatch); elsewhere they keep their slots, so that every step has the same shapes
// (SlotBatch).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "vragent/models/causal_lm.h"
#include "vragent/ops/attention.h"

namespace vragent::engine {

/// The token that a row goes on from.
struct NextToken {
  std::int64_t id = 0;
  std::int64_t position = 0;
};

class DecodeBatch {
 public:
  DecodeBatch() = default;
  virtual ~DecodeBatch() = default;
  DecodeBatch(const DecodeBatch&) = delete;
  DecodeBatch& operator=(const DecodeBatch&) = delete;

  /// Rows for samples of prompts, behind those there are.
  /// @param num_samples [P]; prefixes [P], each [Tp, Hkv, d] a layer
  virtual void add(std::span<const std::int64_t> num_samples,
                   std::vector<std::vector<ops::LayerKv>> prefixes) = 0;

  /// Drops the rows that are done; the others keep their order. done [R]
  virtual void remove(const std::vector<bool>& done) = 0;

  /// One step of all rows: logits [R, V] of what follows. tokens [R]
  virtual torch::Tensor step(std::span<const NextToken> tokens) = 0;
};

/// What decoding has room for.
struct BatchLimits {
  std::int64_t rows = 0;
  std::int64_t tokens = 0;   ///< of an answer
  std::int64_t samples = 0;  ///< most of a prompt
  std::int64_t groups = 0;   ///< prompts at a time
  std::int64_t longest_prompt = 0;
};

/// Slots of zeros, [rows, capacity, Hkv, d] a layer, for keys and values like these: [.., Hkv, d].
std::vector<ops::LayerKv> empty_slots(const std::vector<ops::LayerKv>& like,
                                      std::int64_t rows,
                                      std::int64_t capacity);

/// Slots of twice the capacity with the same tokens.
void double_slots(std::vector<ops::LayerKv>& slots);

/// The batch that suits the model's device. On an NVIDIA GPU steps are replayed as
/// CUDA graphs unless the environment says VRAGENT_CUDA_GRAPHS=0.
std::unique_ptr<DecodeBatch> make_decode_batch(const models::TextModel& model,
                                               const BatchLimits& limits);

}  // namespace vragent::engine
