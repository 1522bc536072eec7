// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Products in bfloat16 for CPUs that multiply it, in tiles (AMX) or in vectors (AVX-512): with
// weights that do not change and are laid out for it once, several over the same input as one, or
// with weights as they lie. Sums are in float32 and rounded once. A row's result does not depend on
// the other rows, but linear() chooses its way, and with it the last bits, by their number and by
// whether gradients are recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <torch/types.h>

namespace vragent::ops {

/// Whether this CPU multiplies bf16 matrices in hardware tiles (AMX), and this process may.
bool has_amx_bf16();

/// Whether it multiplies bf16 at all, in tiles or in vectors; where it does not, fp32 is faster.
/// VRAGENT_BF16=vectors in the environment leaves the tiles out, =none leaves all to torch.
bool multiplies_bf16();

/// One or several weights of one input. Empty until made by pack_linear().
struct PackedLinear {
  torch::Tensor weight;  ///< opaque
  torch::Tensor bias;    ///< [out] or undefined
  std::int64_t in = 0;
  std::int64_t out = 0;

  [[nodiscard]] bool is_packed() const { return weight.defined(); }

  /// x [..., in] -> [..., out], without gradient
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const;
};

/// Whether packing pays for weights like this: bfloat16 on a CPU that multiplies it.
bool packing_pays(const torch::Tensor& weight);

/// Stacks weights [out_i, in] and biases [out_i] (all or none) and packs them.
PackedLinear pack_linear(const std::vector<torch::Tensor>& weights,
                         const std::vector<torch::Tensor>& biases = {});

/// x [..., in], weight [out, in] -> x weight^T + bias [..., out], as at::linear() has it, with its
/// gradients. With tiles (AMX), 256 rows and more go through them, forward and backward, with the
/// weight packed for this one product. Without gradient a weight is also read as it lies, at the
/// speed of memory: for up to 64 rows with tiles, 16 with vectors. All else is at::linear().
torch::Tensor linear(const torch::Tensor& x,
                     const torch::Tensor& weight,
                     const std::optional<torch::Tensor>& bias = std::nullopt);

/// An input of linear layers that can be made again from tensors which the backward pass keeps
/// anyway.
struct Remade {
  torch::Tensor value;
  std::vector<torch::Tensor> kept;
  /// kept -> value, to the bit; without it, value itself is kept
  std::function<torch::Tensor(const std::vector<torch::Tensor>& kept)> make;
};

/// linear() of one input by several weights, each [out_i, in], and biases [out_i] (all or none), to
/// the bit, gradients included. An input [rows, in] on the CPU that can be made again is, once, for
/// the gradients of the weights, and is not kept.
std::vector<torch::Tensor> linears(const Remade& x,
                                   const std::vector<torch::Tensor>& weights,
                                   const std::vector<torch::Tensor>& biases = {});

/// The gradient of linear()'s input: grad [rows, out], weight [out, in] -> grad weight [rows, in].
/// Without gradient of its own. With tiles, 256 rows and more go through them; all else is torch's
/// product.
torch::Tensor linear_input_gradient(const torch::Tensor& grad, const torch::Tensor& weight);

}  // namespace vragent::ops
