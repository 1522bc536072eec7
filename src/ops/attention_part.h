// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One softmax over some of the keys that a query sees, with what merging it with others takes.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace vragent::ops {

struct AttentionPart {
  torch::Tensor out;  ///< [B, H, T, d]
  torch::Tensor lse;  ///< float32 (float64 for float64) [B, H, T], log of the sum of exp(scores)
};

struct AttentionGradients {
  torch::Tensor q;
  torch::Tensor k;
  torch::Tensor v;
};

/// [B, Hkv, T, d] -> [B, H, T, d]: query head h reads key head h / (H / Hkv).
torch::Tensor repeat_heads(const torch::Tensor& x, std::int64_t heads);

/// q [B, H, T, d], k and v [B, H, S, d] -> softmax over these keys; scale d^-0.5. Fused kernels
/// where the device and dtype have one, else attention_part_plain().
AttentionPart attention_part(const torch::Tensor& q,
                             const torch::Tensor& k,
                             const torch::Tensor& v,
                             bool causal);

/// Gradients of a part of a larger softmax: `whole` holds the output and log-sum-exp over all
/// keys, of which k and v are some.
AttentionGradients attention_part_backward(const torch::Tensor& grad,
                                           const torch::Tensor& q,
                                           const torch::Tensor& k,
                                           const torch::Tensor& v,
                                           const AttentionPart& whole,
                                           bool causal);

/// The same in plain matrix products, on any device: the twin that the fused kernels are held
/// against.
AttentionPart attention_part_plain(const torch::Tensor& q,
                                   const torch::Tensor& k,
                                   const torch::Tensor& v,
                                   bool causal);
AttentionGradients attention_part_plain_backward(const torch::Tensor& grad,
                                                 const torch::Tensor& q,
                                                 const torch::Tensor& k,
                                                 const torch::Tensor& v,
                                                 const AttentionPart& whole,
                                                 bool causal);

}  // namespace vragent::ops
