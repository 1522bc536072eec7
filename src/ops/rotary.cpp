// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/rotary.h"

#include <numbers>

namespace vragent::ops {

Rotary rotary_from_angles(const torch::Tensor& angles) {
  const torch::Tensor both = torch::cat({angles, angles}, -1);
  return {both.cos(), both.sin()};
}

torch::Tensor rotary_frequencies(std::int64_t head_dim, double theta, torch::Device device) {
  const torch::Tensor exponents =
      torch::arange(0, head_dim, 2, torch::dtype(torch::kFloat32).device(device)) /
      static_cast<double>(head_dim);
  return torch::pow(theta, exponents).reciprocal();
}

torch::Tensor stretched(const torch::Tensor& frequencies, const RotaryStretch& stretch) {
  const torch::Tensor waves = 2 * std::numbers::pi / frequencies;
  const torch::Tensor share =
      ((stretch.original / waves - stretch.low) / (stretch.high - stretch.low)).clamp(0, 1);
  return (1 - share) * frequencies / stretch.factor + share * frequencies;
}

Rotary rotary_table(const torch::Tensor& positions, const torch::Tensor& frequencies) {
  return rotary_from_angles(positions.to(torch::kFloat32).unsqueeze(-1) * frequencies);
}

}  // namespace vragent::ops
