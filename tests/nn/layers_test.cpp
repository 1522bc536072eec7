// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/layers.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/device.h"
#include "vragent/nn/fused_layers.h"
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
  EXPECT_TRUE(test::close(net(x), wanted, 1e-5));
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

TEST(RotaryTable, HoldsTheAnglesOfTheFormula) {
  const std::int64_t width = 6;
  const Rotary table = rotary_table(torch::tensor({0, 3, 5000}), width, 1e4);
  for (std::int64_t row = 0; row < 3; ++row) {
    const double position = row == 0 ? 0 : row == 1 ? 3 : 5000;
    for (std::int64_t j = 0; j < width; ++j) {
      const double angle = position * std::pow(1e4, -2.0 * static_cast<double>(j % 3) / width);
      EXPECT_NEAR(table.cos[row][j].item<double>(), std::cos(angle), 1e-3) << row << " " << j;
      EXPECT_NEAR(table.sin[row][j].item<double>(), std::sin(angle), 1e-3) << row << " " << j;
    }
  }
}

TEST(RotaryTable, StaysFp32WhereBf16WouldRoundThePositionAway) {
  const Tensor position = torch::tensor({5001});
  const Rotary table = rotary_table(position, 8, 1e6).to(torch::kBFloat16);
  EXPECT_NEAR(table.cos[0][0].item<double>(), std::cos(5001.0), 4e-3);
  EXPECT_NEAR(table.sin[0][0].item<double>(), std::sin(5001.0), 4e-3);
}

TEST(Rotate, TurnsThePairsOfBothHalves) {
  const Tensor x = test::randn({4, 3, 6}, 1);
  const std::vector<std::int64_t> positions = {0, 3, 7, 8};
  const Tensor got = rotate(x, rotary_table(torch::tensor(positions), 6, 100));
  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t j = 0; j < 3; ++j) {
      const double angle = static_cast<double>(positions[static_cast<std::size_t>(t)]) *
                           std::pow(100.0, -static_cast<double>(j) / 3.0);
      const double low = x[t][1][j].item<double>();
      const double high = x[t][1][j + 3].item<double>();
      EXPECT_NEAR(
          got[t][1][j].item<double>(), low * std::cos(angle) - high * std::sin(angle), 1e-5);
      EXPECT_NEAR(
          got[t][1][j + 3].item<double>(), high * std::cos(angle) + low * std::sin(angle), 1e-5);
    }
  }
}

TEST(Rotate, KeepsLengthsAndDependsOnDistancesOnly) {
  const Tensor q = test::randn({1, 1, 8}, 1);
  const Tensor k = test::randn({1, 1, 8}, 2);
  const auto dot = [&](std::int64_t query, std::int64_t key) {
    return (rotate(q, rotary_table(torch::tensor({query}), 8, 1e4)) *
            rotate(k, rotary_table(torch::tensor({key}), 8, 1e4)))
        .sum()
        .item<double>();
  };
  EXPECT_NEAR(dot(5, 2), dot(105, 102), 1e-4);
  EXPECT_GT(std::abs(dot(5, 2) - dot(5, 4)), 1e-3);
  EXPECT_NEAR(rotate(q, rotary_table(torch::tensor({77}), 8, 1e4)).norm().item<double>(),
              q.norm().item<double>(),
              1e-5);
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
