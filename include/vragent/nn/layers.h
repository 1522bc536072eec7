// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The small layers that all our networks share. Modules are built with uninitialised parameters: a
// checkpoint or init_parameters() fills them. Parameter names are those of the checkpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include "vragent/nn/dropout.h"
#include "vragent/ops/fused_layers.h"
#include "vragent/ops/linear/packed_linear.h"

namespace vragent::nn {

/// What an adapter adds to a linear layer: scale * drop(x) A^T B^T (LoRA, Hu et al. 2021), computed
/// in fp32, or in bf16 in a bf16 layer that drops nothing. A and B are kept in fp32 whatever the
/// layer's type. nn/lora.h puts it on and takes it off.
struct LowRank {
  enum class Use { kOn, kOff, kStart };

  torch::Tensor a;  ///< [rank, in], the parameter "lora_A.weight"
  torch::Tensor b;  ///< [out, rank], the parameter "lora_B.weight"
  double scale = 1.0;
  double dropout = 0.0;
  std::optional<at::Generator> drops;  ///< where dropped inputs are drawn from; none: nothing drops
  BatchRows rows;                      ///< of the inputs while `drops` is set
  Use use = Use::kOn;
  torch::Tensor start_a;  ///< what kStart takes in place of a and b
  torch::Tensor start_b;

  /// y [..., out] and x [..., in] -> [..., out] in y's type
  [[nodiscard]] torch::Tensor added_to(const torch::Tensor& y, const torch::Tensor& x) const;
};

/// y = x W^T + b, and what an adapter adds. weight [out, in], bias [out] unless without.
struct LinearImpl : torch::nn::Module {
  LinearImpl(std::int64_t in, std::int64_t out, bool with_bias = true);

  /// x [..., in] -> [..., out]
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight;
  torch::Tensor bias;
  std::optional<LowRank> adapter;
};

TORCH_MODULE(Linear);

/// What each layer gives for one input, biases in all layers or in none. Where no adapter reads the
/// input and it can be made again, it is not kept for the backward pass.
std::vector<torch::Tensor> outputs_of(const std::vector<Linear>& layers, const ops::Remade& x);

/// A table of rows. weight [rows, width].
struct EmbeddingImpl : torch::nn::Module {
  EmbeddingImpl(std::int64_t rows, std::int64_t width);

  /// ids int64 [...] -> [..., width]
  torch::Tensor forward(const torch::Tensor& ids) const;

  torch::Tensor weight;
};

TORCH_MODULE(Embedding);

/// Root mean square norm (Zhang & Sennrich 2019) as Qwen2 rounds it: normalise in fp32, cast back
/// to the model's dtype, then scale. weight [width].
struct RmsNormImpl : torch::nn::Module {
  RmsNormImpl(std::int64_t width, double eps);

  /// x [..., width] -> the same shape
  torch::Tensor forward(const torch::Tensor& x) const;

  /// The same for outputs_of().
  ops::Remade remade(const torch::Tensor& x) const;

  torch::Tensor weight;
  double eps;
};

TORCH_MODULE(RmsNorm);

/// Layer norm over the last dimension. weight, bias [width].
struct LayerNormImpl : torch::nn::Module {
  LayerNormImpl(std::int64_t width, double eps);

  /// x [..., width] -> the same shape
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight;
  torch::Tensor bias;
  double eps;
};

TORCH_MODULE(LayerNorm);

/// down(silu(gate(x)) * up(x)), the feed-forward of Llama and Qwen2 (Shazeer 2020, SwiGLU).
struct SwiGluImpl : torch::nn::Module {
  SwiGluImpl(std::int64_t width, std::int64_t inner, bool with_bias);

  /// x [..., width] -> the same shape
  torch::Tensor forward(const ops::Remade& x);

  /// Lays the weights out for inference where that pays, in place of the plain ones or beside them.
  void pack(bool keep_plain = false);

  /// Drops what pack() laid out beside the plain weights.
  void unpack();

  Linear gate_proj;
  Linear up_proj;
  Linear down_proj;
  ops::PackedLinear packed_gate_up;
  ops::PackedLinear packed_down;
};

TORCH_MODULE(SwiGlu);

/// An activation by its config name: gelu (erf), gelu_pytorch_tanh, quick_gelu, relu, silu.
/// @throws DataError for another name
torch::Tensor activate(const torch::Tensor& x, const std::string& name);

/// @throws DataError unless activate() knows the name; `where` is put in front
void check_activation(const std::string& name, const std::string& where);

/// Registers a module without parameters of its own, which only adds its name to those below it.
std::shared_ptr<torch::nn::Module> add_group(torch::nn::Module& parent, const char* name);

/// Packs the weights of layers that read the same input, and drops the plain ones unless told to
/// keep them.
ops::PackedLinear take_packed(std::vector<Linear> layers, bool keep_plain = false);

}  // namespace vragent::nn
