// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Products with weights that do not change: laid out once for the CPU's matrix unit (oneDNN), where
// it has one, several weights over the same input as one.
#pragma once

#include <vector>

#include <torch/types.h>

namespace vragent::ops {

/// Whether this CPU multiplies bf16 matrices in hardware tiles (AMX); without it fp32 is faster.
bool has_amx_bf16();

/// One or several weights of one input. Empty until made by pack_linear().
struct PackedLinear {
  torch::Tensor weight;  ///< opaque, of shape [out, in]
  torch::Tensor bias;    ///< [out] or undefined

  [[nodiscard]] bool is_packed() const { return weight.defined(); }

  /// x [N, in] -> [N, out], without gradient
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const;
};

/// Whether packing pays for weights like this: bfloat16 on a CPU with AMX.
bool packing_pays(const torch::Tensor& weight);

/// Stacks weights [out_i, in] and biases [out_i] (all or none) and packs them.
PackedLinear pack_linear(const std::vector<torch::Tensor>& weights,
                         const std::vector<torch::Tensor>& biases = {});

}  // namespace vragent::ops
