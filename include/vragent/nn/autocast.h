// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Mixed precision while a guard lives: products of matrices are computed in bfloat16, weights,
// norms, sums and updates stay in float32.
#pragma once

#include <torch/types.h>

namespace vragent::nn {

class ComputeGuard {
 public:
  /// @param dtype of the products: float32 changes nothing, bfloat16 mixes
  ComputeGuard(torch::Dtype dtype, torch::Device device);
  ~ComputeGuard();
  ComputeGuard(const ComputeGuard&) = delete;
  ComputeGuard& operator=(const ComputeGuard&) = delete;

 private:
  torch::DeviceType device_;
  bool is_mixed_;
  bool was_enabled_ = false;
  torch::Dtype was_dtype_ = torch::kFloat32;
};

}  // namespace vragent::nn
