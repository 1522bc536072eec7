// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Grouped-query attention in the two shapes that our networks need: whole sequences, and short
// suffixes that share a long prompt (the prompt's keys and values are computed and read once for
// all its samples).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace vragent::nn {

/// Keys and values of one layer, each [rows, Hkv, T, d].
struct LayerKv {
  torch::Tensor k;
  torch::Tensor v;
};

/// Prompts that later tokens attend to: P rows, right-padded to one length, shared by G suffixes
/// each.
struct Prefix {
  std::vector<LayerKv> layers;  ///< one a layer, each [P, Hkv, Tp, d]
  torch::Tensor mask;           ///< bool [P, Tp], true where a real token stands
};

/// softmax(q k^T / sqrt(d)) v over whole sequences.
/// @param q [B, H, T, d]; k, v [B, Hkv, S, d] with H a multiple of Hkv
/// @param mask bool, broadcastable to [B, 1, T, S], true = visible; undefined = all. Rows without
/// any
///   visible key give zeros.
/// @param causal token t sees keys 0..t (T == S); not together with a mask
/// @return [B, H, T, d]
torch::Tensor attention(const torch::Tensor& q,
                        const LayerKv& kv,
                        const torch::Tensor& mask,
                        bool causal);

/// Attention of suffix tokens over their prompt and themselves, as one softmax over both parts.
/// @param q [P*G, H, T, d], rows grouped by prompt; own [P*G, Hkv, S, d]
/// @param own_mask bool [P*G or 1, T, S], true = visible
/// @param prefix this layer's [P, Hkv, Tp, d]; prefix_mask bool [P, Tp]
/// @return [P*G, H, T, d]
torch::Tensor prefixed_attention(const torch::Tensor& q,
                                 const LayerKv& own,
                                 const torch::Tensor& own_mask,
                                 const LayerKv& prefix,
                                 const torch::Tensor& prefix_mask);

/// bool [T, T], true where column <= row.
torch::Tensor causal_mask(std::int64_t length, torch::Device device);

/// bool [B, T] from int64 lengths [B], true in front.
torch::Tensor length_mask(const torch::Tensor& lengths, std::int64_t longest);

}  // namespace vragent::nn
