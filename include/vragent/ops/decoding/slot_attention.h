// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Attention while decoding on a device, in shapes that do not change when rows come and go: every
// slot is computed at every step, taken or free, and what a step is about (lengths, who shares
// which prefix) lies in tensors. So a step is the same list of operations each time, and a CUDA
// graph can hold it.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "vragent/ops/attention.h"

namespace vragent::ops {

/// Keys and values of S slots in G groups; a group's prefix is stored once, and at most n of its
/// places are taken by slots. Free groups have a prefix of one token that nobody reads.
struct SlotCache {
  std::vector<LayerKv> prefixes;    ///< one a layer, [N, Hkv, d]: the tokens of all prefixes
  std::vector<LayerKv> own;         ///< one a layer, [S, capacity, Hkv, d]
  torch::Tensor starts;             ///< int64 [G] of each prefix in N
  torch::Tensor prefix_lengths;     ///< int64 [G], at least 1
  torch::Tensor slot_of_place;      ///< int64 [G * n]; of a free place: any
  torch::Tensor place_of_slot;      ///< int64 [S] group * n + place; of a free slot: any
  torch::Tensor lengths;            ///< int64 [S] tokens before the new one, below capacity
  std::int64_t longest_prefix = 0;  ///< no prefix is longer
  bool may_fuse = true;             ///< false: never CUDA's fused attention (for comparison)

  /// What layer 0 of a step makes for the others.
  struct Step {
    torch::Tensor new_places;      ///< int64 [S] in [S * capacity]
    torch::Tensor own_starts;      ///< int64 [S] in [S * capacity]
    torch::Tensor own_lengths;     ///< int64 [S] with the new token
    torch::Tensor own_queries;     ///< int32 [S + 1] first query of each slot
    torch::Tensor prefix_queries;  ///< int32 [G + 1] first query of each group
  };

  Step step;
};

/// Stores each slot's new key and value behind those it has and attends to its group's prefix and
/// to its own tokens.
/// @param q [S, H, d]; fresh [S, Hkv, d] with H a multiple of Hkv
/// @return [S, H, d]; what stands in free slots is finite and means nothing
torch::Tensor slot_attention(const torch::Tensor& q,
                             const LayerKv& fresh,
                             SlotCache& cache,
                             std::size_t layer);

}  // namespace vragent::ops
