// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rotary position tables (Su et al. 2021).
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace vragent::ops {

/// Cosines and sines of rotary positions, each [..., d], both halves filled: computed in fp32.
struct Rotary {
  torch::Tensor cos;
  torch::Tensor sin;

  [[nodiscard]] Rotary to(torch::Dtype dtype) const { return {cos.to(dtype), sin.to(dtype)}; }
};

/// Angles pos * theta^(-2j/d), j < d/2 (Su et al. 2021), duplicated across the halves.
/// @param positions int64 or float [...]
Rotary rotary_table(const torch::Tensor& positions, std::int64_t head_dim, double theta);

/// The same from angles [..., d/2].
Rotary rotary_from_angles(const torch::Tensor& angles);

}  // namespace vragent::ops
