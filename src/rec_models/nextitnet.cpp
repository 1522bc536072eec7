// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/nextitnet.h"

namespace vragent::rec_models {
namespace {

using torch::Tensor;

constexpr double kNormEps = 1e-8;

/// A causal convolution over time, channels last.
struct CausalConvImpl : torch::nn::Module {
  CausalConvImpl(std::int64_t width, std::int64_t kernel_size, std::int64_t dilation_rate)
      : kernel(kernel_size),
        dilation(dilation_rate),
        weight(register_parameter("weight", torch::empty({width, width, kernel}))),
        bias(register_parameter("bias", torch::empty({width}))) {}

  Tensor forward(const Tensor& x) const {
    const Tensor padded = at::constant_pad_nd(x.transpose(1, 2), {(kernel - 1) * dilation, 0});
    return at::conv1d(padded,
                      weight,
                      bias,
                      at::IntArrayRef(1),
                      at::IntArrayRef(0),
                      at::IntArrayRef(dilation))
        .transpose(1, 2);
  }

  std::int64_t kernel;
  std::int64_t dilation;
  Tensor weight;
  Tensor bias;
};

TORCH_MODULE(CausalConv);

struct ResidualBlockImpl : torch::nn::Module {
  ResidualBlockImpl(const NextItNetConfig& config, std::int64_t dilation)
      : conv1(register_module("conv1", CausalConv(config.width, config.kernel, dilation))),
        norm1(register_module("norm1", nn::LayerNorm(config.width, kNormEps))),
        conv2(register_module("conv2", CausalConv(config.width, config.kernel, 2 * dilation))),
        norm2(register_module("norm2", nn::LayerNorm(config.width, kNormEps))) {}

  Tensor forward(const Tensor& x, const Tensor& is_real) {
    const auto masked = [&](const Tensor& y) { return is_real.defined() ? y * is_real : y; };
    const Tensor first = masked(torch::relu(norm1(conv1(x))));
    return masked(torch::relu(norm2(conv2(first)))) + x;
  }

  CausalConv conv1;
  nn::LayerNorm norm1;
  CausalConv conv2;
  nn::LayerNorm norm2;
};

TORCH_MODULE(ResidualBlock);

}  // namespace

NextItNetImpl::NextItNetImpl(const NextItNetConfig& options)
    : config(options), blocks(register_module("blocks", torch::nn::ModuleList())) {
  for (const std::int64_t dilation : config.dilations)
    blocks->push_back(ResidualBlock(config, dilation));
}

Tensor NextItNetImpl::forward(const Tensor& items, const Tensor& is_real) {
  TORCH_CHECK(items.dim() == 3 && items.size(2) == config.width,
              "nextitnet: want [B, L, ",
              config.width,
              "], got ",
              items.sizes());
  Tensor x = items;
  for (const auto& block : *blocks) x = block->as<ResidualBlockImpl>()->forward(x, is_real);
  return x;
}

}  // namespace vragent::rec_models
