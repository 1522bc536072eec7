// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Dropout in one pass over memory, forward and backward: what is dropped is a hash of the element's
// place, so that no mask is drawn or kept (Srivastava et al. 2014, scaled while training).
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace vragent::nn {

/// The rows of a larger batch that a tensor holds, where processes share one; `all` 0: the tensor
/// is the batch.
struct BatchRows {
  std::int64_t first = 0;
  std::int64_t all = 0;
};

/// One number of torch's default generator: the seed of a pass.
std::uint64_t draw_seed();

/// x with each element set to 0 with probability `share`, the others divided by 1 - share; x itself
/// without training or for share 0. One number of torch's default generator decides it all, the
/// same on every device: kernels for float32 and bfloat16 on the CPU, tensor operations elsewhere.
/// @param rows of the batch that x is: a row loses the same elements however processes share the
/// batch
torch::Tensor dropout(const torch::Tensor& x, double share, bool training, BatchRows rows = {});

/// The same from a seed of one's own.
/// @param first place of x's first element in the batch
torch::Tensor seeded_dropout(const torch::Tensor& x,
                             double share,
                             std::uint64_t seed,
                             std::int64_t first = 0);

}  // namespace vragent::nn
