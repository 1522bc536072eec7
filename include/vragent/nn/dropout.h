// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Dropout in one pass over memory, forward and backward: what is dropped is a hash of the element's
// place, so that no mask is drawn or kept (Srivastava et al. 2014, scaled while training).
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace vragent::nn {

/// x with each element set to 0 with probability `share`, the others divided by 1 - share; x itself
/// without training or for share 0. One number of torch's default generator decides it all, the
/// same on every device: kernels for float32 and bfloat16 on the CPU, tensor operations elsewhere.
torch::Tensor dropout(const torch::Tensor& x, double share, bool training);

/// The same from a seed of one's own.
torch::Tensor seeded_dropout(const torch::Tensor& x, double share, std::uint64_t seed);

}  // namespace vragent::nn
