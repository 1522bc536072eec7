// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/rotary.h"

namespace vragent::ops {

Rotary rotary_from_angles(const torch::Tensor& angles) {
  const torch::Tensor both = torch::cat({angles, angles}, -1);
  return {both.cos(), both.sin()};
}

Rotary rotary_table(const torch::Tensor& positions, std::int64_t head_dim, double theta) {
  const torch::Tensor exponents =
      torch::arange(0, head_dim, 2, positions.options().dtype(torch::kFloat32)) /
      static_cast<double>(head_dim);
  const torch::Tensor inverse = torch::pow(theta, exponents).reciprocal();
  return rotary_from_angles(positions.to(torch::kFloat32).unsqueeze(-1) * inverse);
}

}  // namespace vragent::ops
