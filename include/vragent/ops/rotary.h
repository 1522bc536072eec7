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

/// theta^(-2j/d), j < d/2 (Su et al. 2021): float32 [d/2].
torch::Tensor rotary_frequencies(std::int64_t head_dim, double theta, torch::Device device);

/// Frequencies stretched for contexts longer than `original`, as Llama 3.1 does: those of long
/// waves are divided by `factor`, those of short ones stay, and between the two lies a linear
/// blend.
struct RotaryStretch {
  double factor = 1;
  double low = 1;          ///< waves longer than original / low are stretched
  double high = 4;         ///< waves shorter than original / high are not
  double original = 8192;  ///< positions of the first training
};

torch::Tensor stretched(const torch::Tensor& frequencies, const RotaryStretch& stretch);

/// Angles pos * frequency, duplicated across the halves.
/// @param positions int64 or float [...]; frequencies float32 [d/2]
Rotary rotary_table(const torch::Tensor& positions, const torch::Tensor& frequencies);

/// The same from angles [..., d/2].
Rotary rotary_from_angles(const torch::Tensor& angles);

}  // namespace vragent::ops
