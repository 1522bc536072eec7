// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Large products through oneDNN. torch gives those in float32 to MKL, which holds AVX-512 back from
// processors of other makers, and adds the bias of those in bfloat16 in a pass of its own.
#pragma once

#include <torch/types.h>

namespace vragent::ops {

/// Whether torch offers oneDNN's product.
bool has_onednn();

/// Whether oneDNN computes this product faster than at::linear(): many rows, float32 or bfloat16,
/// without gradient, on a CPU with AVX-512 that is not Intel's.
bool suits_onednn(const torch::Tensor& x, const torch::Tensor& weight);

/// x [..., in], weight [out, in], bias [out] or undefined -> [..., out], where has_onednn()
torch::Tensor onednn_linear(const torch::Tensor& x,
                            const torch::Tensor& weight,
                            const torch::Tensor& bias);

}  // namespace vragent::ops
