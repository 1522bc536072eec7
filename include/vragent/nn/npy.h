// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// NumPy's .npy files: one array of numbers behind a short header.
#pragma once

#include <filesystem>

#include <torch/types.h>

namespace vragent::nn {

/// The array, owned, in its own dtype: little-endian float16, float32, float64, int32 or int64, C
/// or Fortran order.
/// @throws Error (66) when it cannot be read; DataError naming what is wrong with the header, the
/// dtype, or a length that does not fit the shape
torch::Tensor load_npy(const std::filesystem::path& path);

}  // namespace vragent::nn
