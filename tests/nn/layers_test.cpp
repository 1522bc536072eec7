// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/layers.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/autocast.h"
#include "vragent/nn/device.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

/// A module with every parameter drawn afresh.
template <class Module>
Module random_module(Module module, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (Tensor& parameter : module->parameters())
    parameter.copy_(test::randn(parameter.sizes(), ++seed));
  return module;
}

TEST(Linear, MultipliesAndAddsTheBias) {
  Linear linear = random_module(Linear(3, 2), 1);
  const Tensor x = test::randn({4, 3}, 9);
  EXPECT_TRUE(test::close(linear(x), x.matmul(linear->weight.t()) + linear->bias, 1e-6));
  EXPECT_EQ(Linear(3, 2, false)->parameters().size(), 1);
}

TEST(RmsNorm, FollowsItsFormula) {
  RmsNorm norm = random_module(RmsNorm(5, 1e-3), 1);
  const Tensor x = test::randn({2, 5}, 2);
  const Tensor wide = x.to(torch::kFloat64);
  const Tensor wanted =
      norm->weight.to(torch::kFloat64) * wide / (wide.square().mean(-1, true) + 1e-3).sqrt();
  EXPECT_TRUE(test::close(norm(x), wanted, 1e-6));
}

TEST(RmsNorm, NormalisesInFp32AndScalesInBf16) {
  RmsNorm norm = random_module(RmsNorm(64, 1e-6), 1);
  norm->to(torch::kBFloat16);
  const Tensor x = (test::randn({3, 64}, 2) * 300).to(torch::kBFloat16);
  const Tensor wide = x.to(torch::kFloat32);
  const Tensor normed =
      (wide * torch::rsqrt(wide.square().mean(-1, true) + 1e-6)).to(torch::kBFloat16);
  EXPECT_TRUE(norm(x).equal(norm->weight * normed));
}

TEST(LayerNorm, FollowsItsFormula) {
  LayerNorm norm = random_module(LayerNorm(6, 1e-3), 1);
  const Tensor x = test::randn({2, 6}, 2).to(torch::kFloat64);
  const Tensor centred = x - x.mean(-1, true);
  const Tensor wanted =
      centred / (centred.square().mean(-1, true) + 1e-3).sqrt() * norm->weight.to(torch::kFloat64) +
      norm->bias.to(torch::kFloat64);
  EXPECT_TRUE(test::close(norm(x.to(torch::kFloat32)), wanted, 1e-5));
}

TEST(SwiGlu, GatesWithSilu) {
  SwiGlu net = random_module(SwiGlu(4, 6, true), 1);
  const Tensor x = test::randn({3, 4}, 2);
  const Tensor gate = net->gate_proj(x);
  const Tensor wanted = net->down_proj(gate * torch::sigmoid(gate) * net->up_proj(x));
  EXPECT_TRUE(test::close(net(ops::Remade{.value = x}), wanted, 1e-5));
}

TEST(SwiGlu, LearnsInMixedPrecisionAsItsLayersDo) {
  SwiGlu net = random_module(SwiGlu(4, 6, false), 1);
  const Tensor x = test::randn({3, 4}, 2).requires_grad_();
  std::vector<Tensor> leaves = net->parameters();
  leaves.push_back(x);
  const auto gradients = [&](const auto& forward) {
    const ComputeGuard mixed(torch::kBFloat16, torch::kCPU);
    return torch::autograd::grad({forward().sum()}, leaves);
  };
  const auto got = gradients([&] { return net(ops::Remade{.value = x}); });
  const auto wanted =
      gradients([&] { return net->down_proj(ops::swiglu(net->gate_proj(x), net->up_proj(x))); });
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(got[i].scalar_type(), torch::kFloat32);
    EXPECT_TRUE(got[i].equal(wanted[i])) << i;
  }
}

TEST(Activate, KnowsTheNamesOfConfigs) {
  const Tensor x = torch::tensor({-1.0F, 0.0F, 0.5F, 2.0F});
  const Tensor erf = x * 0.5 * (1 + torch::erf(x / std::sqrt(2.0)));
  const Tensor cubic = x + 0.044715 * x.pow(3);
  const Tensor tanh = 0.5 * x * (1 + torch::tanh(std::sqrt(2.0 / M_PI) * cubic));
  EXPECT_TRUE(test::close(activate(x, "gelu"), erf, 1e-6));
  EXPECT_TRUE(test::close(activate(x, "gelu_pytorch_tanh"), tanh, 1e-6));
  EXPECT_TRUE(test::close(activate(x, "gelu_new"), tanh, 1e-6));
  EXPECT_TRUE(test::close(activate(x, "quick_gelu"), x * torch::sigmoid(1.702 * x), 1e-6));
  EXPECT_TRUE(test::close(activate(x, "silu"), x * torch::sigmoid(x), 1e-6));
  EXPECT_TRUE(test::close(activate(x, "relu"), x.clamp_min(0), 0));
  EXPECT_THROW(activate(x, "swish9"), DataError);
  EXPECT_THROW(check_activation("swish9", "config.json"), DataError);
  EXPECT_NO_THROW(check_activation("gelu_new", "config.json"));
}

TEST(Device, IsParsedFromItsName) {
  EXPECT_EQ(parse_device("cpu"), torch::Device(torch::kCPU));
  EXPECT_THROW(parse_device("gpu"), ConfigError);
  EXPECT_THROW(parse_device("cpu:x"), ConfigError);
  EXPECT_THROW(parse_device(""), ConfigError);
  EXPECT_EQ(parse_dtype("bfloat16"), torch::kBFloat16);
  EXPECT_EQ(parse_dtype("float32"), torch::kFloat32);
  EXPECT_THROW(parse_dtype("float16"), ConfigError);
}

}  // namespace
}  // namespace vragent::nn
