// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The small layers that all our networks share. Modules are built with uninitialised parameters: a
// checkpoint or init_parameters() fills them. Parameter names are those of the checkpoints.
#pragma once

#include <cstdint>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

namespace vragent::nn {

/// y = x W^T + b. weight [out, in], bias [out] unless without.
struct LinearImpl : torch::nn::Module {
  LinearImpl(std::int64_t in, std::int64_t out, bool with_bias = true);

  /// x [..., in] -> [..., out]
  torch::Tensor forward(const torch::Tensor& x) const;

  torch::Tensor weight;
  torch::Tensor bias;
};

TORCH_MODULE(Linear);

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
  torch::Tensor forward(const torch::Tensor& x);

  Linear gate_proj;
  Linear up_proj;
  Linear down_proj;
};

TORCH_MODULE(SwiGlu);

/// An activation by its config name: gelu (erf), gelu_pytorch_tanh, quick_gelu, relu, silu.
/// @throws DataError for another name
torch::Tensor activate(const torch::Tensor& x, const std::string& name);

/// @throws DataError unless activate() knows the name; `where` is put in front
void check_activation(const std::string& name, const std::string& where);

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

}  // namespace vragent::nn
