// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Attention while decoding on a CPU: one new token a row, over a prefix that the rows of a group
// share and over what each row has added. Keys and values lie in two places a layer: one prefix a
// group, one slot a row. Nothing is copied when rows or groups come and go. Other devices:
// slot_attention().
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "vragent/ops/attention.h"

namespace vragent::ops {

/// The keys and values of the rows that are being decoded. Rows of a group stand side by side.
struct DecodeCache {
  struct Group {
    std::vector<LayerKv> prefix;  ///< one a layer, [Tp, Hkv, d], contiguous
    std::int64_t num_rows = 0;
  };

  std::vector<Group> groups;          ///< in the order of the rows
  std::vector<LayerKv> own;           ///< one a layer, [slots, capacity, Hkv, d], contiguous
  std::vector<std::int64_t> slots;    ///< [R] the slot of each row
  std::vector<std::int64_t> lengths;  ///< [R] tokens in it; the caller counts on after each step
};

/// Stores each row's new key and value behind those in its slot and attends to all of them.
/// @param q [R, H, d] on the CPU, fp32 or bf16; fresh [R, Hkv, d] with H a multiple of Hkv
/// @return [R, H, d]; the other rows change a row's numbers by rounding only
torch::Tensor decode_attention(const torch::Tensor& q,
                               const LayerKv& fresh,
                               DecodeCache& cache,
                               std::size_t layer);

}  // namespace vragent::ops
