// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Small layers in one pass over memory: row kernels on the CPU for float32 and bfloat16, forward
// and backward, and plain tensor operations (the twins named *_plain) elsewhere. Both round a
// bfloat16 result where Qwen2's reference rounds it.
#pragma once

#include <torch/types.h>

#include "vragent/ops/linear/packed_linear.h"
#include "vragent/ops/rotary.h"

namespace vragent::ops {

/// weight * cast(x / sqrt(mean(x^2) + eps)). x [..., width], weight [width] -> the shape of x
torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps);

/// rms_norm() for linears(), which keep x in place of it.
Remade remade_rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps);

/// Half-split rotation of packed tokens, x*cos + (-x2, x1)*sin.
/// @param x [N, H, d], the last two dimensions contiguous; table [N, d] in the dtype of x
/// @return [N, H, d]
torch::Tensor rotate(const torch::Tensor& x, const Rotary& table);

/// silu(gate) * up, of equal shapes.
torch::Tensor swiglu(const torch::Tensor& gate, const torch::Tensor& up);

/// swiglu() for linears(), which keep gate and up in place of it.
Remade remade_swiglu(const torch::Tensor& gate, const torch::Tensor& up);

/// swiglu() of the left and the right half of [N, 2 width] -> [N, width]; without gradient.
torch::Tensor swiglu_halves(const torch::Tensor& gate_up);

/// x * sigmoid(1.702 x), of any shape (CLIP).
torch::Tensor quick_gelu(const torch::Tensor& x);

torch::Tensor rms_norm_plain(const torch::Tensor& x, const torch::Tensor& weight, double eps);
torch::Tensor rotate_plain(const torch::Tensor& x, const Rotary& table);
torch::Tensor swiglu_plain(const torch::Tensor& gate, const torch::Tensor& up);
torch::Tensor quick_gelu_plain(const torch::Tensor& x);

}  // namespace vragent::ops
