// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Attention while decoding: one new token a row, over a prefix that the rows of a group share and
// over what each row has added. Keys and values lie in two places a layer: one prefix a group, one
// slot a row. On a CPU nothing is copied when rows or groups come and go; elsewhere the prefixes
// are laid side by side again, beside the originals and as long as the longest.
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

  /// What decode_attention_batched() makes at layer 0 of a step and reads at the others. Prefixes
  /// are laid side by side again only after groups have come or gone.
  struct Batched {
    std::vector<torch::Tensor> groups;  ///< first keys of those whose prefixes lie in `prefix`
    std::vector<LayerKv> prefix;        ///< one a layer, [G, longest prefix, Hkv, d]
    torch::Tensor prefix_hidden;        ///< [G, longest prefix] whether a place is behind the end
    torch::Tensor slots;                ///< [R]
    torch::Tensor lengths;              ///< [R]
    torch::Tensor own_hidden;           ///< [R, longest row]
    torch::Tensor places;               ///< [R] group * most rows + row of it
    std::int64_t most_rows = 0;         ///< of a group
  };

  Batched batched;
};

/// Stores each row's new key and value behind those in its slot and attends to all of them.
/// @param q [R, H, d]; fresh [R, Hkv, d] with H a multiple of Hkv
/// @return [R, H, d]; the other rows change a row's numbers by rounding only
torch::Tensor decode_attention(const torch::Tensor& q,
                               const LayerKv& fresh,
                               DecodeCache& cache,
                               std::size_t layer);

/// The same in tensor operations on any device, for all groups at once: the number of operations
/// does not depend on the groups, and a prefix is multiplied once for all its rows. Scores and sums
/// are fp32, for which keys and values are widened as they are read.
torch::Tensor decode_attention_batched(const torch::Tensor& q,
                                       const LayerKv& fresh,
                                       DecodeCache& cache,
                                       std::size_t layer);

}  // namespace vragent::ops
