// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Attention over sequences that lie end to end without padding, [N, heads, d]. A sequence may
// branch off another one: its tokens see all tokens of that root besides their own, so that a
// prompt is computed once for all answers to it, forward and backward. What a token sees in two
// parts is merged by the parts' log-sum-exps; both parts' gradients follow from the merged output
// (each part's weights are exp(score - merged log-sum-exp)).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "vragent/ops/attention.h"

namespace vragent::ops {

/// Which tokens of a packed batch form sequences, and who sees whom. Made by pack().
struct Packing {
  /// Sequences of like length side by side, padded behind their ends: attention alone is padded.
  struct Bucket {
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t begin = 0;  ///< first token, when the bucket is one full run of tokens
    torch::Tensor slots;     ///< int64 [rows * columns], token of each slot; undefined for a run
    torch::Tensor filled;    ///< int64, the slots that hold a token
    torch::Tensor tokens;    ///< int64, the token of each filled slot
  };

  /// Tokens that see all tokens of one root.
  struct Branch {
    std::int64_t root_begin = 0;
    std::int64_t root_length = 0;
    std::int64_t begin = 0;
    std::int64_t length = 0;
  };

  std::int64_t num_tokens = 0;
  bool causal = true;
  std::vector<std::int64_t> begins;           ///< [S] first token of each sequence
  std::vector<std::int64_t> lengths;          ///< [S]
  std::vector<std::int64_t> first_positions;  ///< [S] length of the root, 0 where there is none
  std::vector<Bucket> buckets;
  std::vector<Branch> branches;
};

/// Sequences of the given lengths, one behind the other.
/// @param lengths [S], each at least 0
/// @param roots [S] or empty: the index of the sequence that this one branches off, -1 for none;
///   the branches of a root stand side by side. A root is no branch itself.
/// @param causal tokens see no later token of their own sequence
Packing pack(const std::vector<std::int64_t>& lengths,
             torch::Device device,
             const std::vector<std::int64_t>& roots = {},
             bool causal = true);

/// 0 .. length-1 for each sequence, counted on from its root's length; int64 [N].
torch::Tensor packed_positions(const Packing& packing, torch::Device device);

/// softmax(q k^T / sqrt(d)) v within each sequence and over its root. Differentiable.
/// @param q [N, H, d]; k, v [N, Hkv, d] with H a multiple of Hkv; float32, float64 or bfloat16
/// @return [N, H, d]
torch::Tensor packed_attention(const torch::Tensor& q, const LayerKv& kv, const Packing& packing);

/// The next stretch of one sequence, whose tokens see each other causally and all earlier ones:
/// packed_attention() over the whole sequence, cut to its last N tokens. Without gradient.
/// @param q [N, H, d]; kv [N, Hkv, d]; earlier [M, Hkv, d]
torch::Tensor continued_attention(const torch::Tensor& q,
                                  const LayerKv& kv,
                                  const LayerKv& earlier);

}  // namespace vragent::ops
