// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// packed_attention() in bfloat16 on CPUs with matrix tiles (AMX): products of blocks that stay in
// the cache, sums and softmax in float32. A root's keys and values are laid out once for all its
// branches, and their gradients are summed in float32.
#pragma once

#include "vragent/ops/packed_attention.h"

namespace vragent::ops {

/// Whether the tiles take such queries and keys: bfloat16 on a CPU with AMX, heads of 32 or 64.
bool fits_tiles(const torch::Tensor& q, const LayerKv& kv);

struct TiledAttention {
  torch::Tensor out;  ///< [N, H, d]
  torch::Tensor lse;  ///< float32 [N, H]
};

/// Arguments as packed_attention(), and fits_tiles().
TiledAttention tiled_attention(const torch::Tensor& q, const LayerKv& kv, const Packing& packing);

struct TiledGradients {
  torch::Tensor q;  ///< bfloat16 [N, H, d]
  torch::Tensor k;  ///< bfloat16 [N, Hkv, d]
  torch::Tensor v;  ///< as k
};

/// @param grad [N, H, d], of the output
TiledGradients tiled_attention_backward(const torch::Tensor& grad,
                                        const torch::Tensor& q,
                                        const LayerKv& kv,
                                        const TiledAttention& made,
                                        const Packing& packing);

}  // namespace vragent::ops
