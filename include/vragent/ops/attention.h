// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Grouped-query attention over whole sequences in padded rows.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace vragent::ops {

/// Keys and values of one layer; their shapes are said where they are used.
struct LayerKv {
  torch::Tensor k;
  torch::Tensor v;
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

/// Packed rows as attention() takes them. @param x [M, H*d]; slots int64 [M], the places of its
/// rows among B*T @return [B, H, T, d], zeros elsewhere
torch::Tensor padded_heads(const torch::Tensor& x,
                           const torch::Tensor& slots,
                           std::int64_t rows,
                           std::int64_t length,
                           std::int64_t heads);

/// bool [T, T], true where column <= row.
torch::Tensor causal_mask(std::int64_t length, torch::Device device);

/// bool [B, T] from int64 lengths [B], true in front.
torch::Tensor length_mask(const torch::Tensor& lengths, std::int64_t longest);

}  // namespace vragent::ops
