// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/device.h"
#include "support/tensor_matchers.h"
#include "vragent/nn/dropout.h"
#include "vragent/nn/optim/adamw.h"
#include "vragent/ops/fused_layers.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

TEST(TrainingOnDevice, StepsAsTheCpu) {
  const auto run = [](torch::Dtype dtype, torch::Device device) {
    const Tensor matrix = test::randn({40, 30}, 1).to(dtype).to(device).requires_grad_();
    AdamW optimizer(decay_groups({{"matrix", matrix}}, 0.1), OptimConfig{.clip = 1.0});
    for (std::uint64_t step = 0; step < 10; ++step) {
      matrix.mutable_grad() = test::randn({40, 30}, 100 + step).to(dtype).to(device);
      optimizer.clip_gradients(1.0);
      optimizer.step(1e-2);
    }
    return matrix.detach().cpu();
  };
  for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
    const double bound = dtype == torch::kFloat32 ? 1e-6 : 1e-2;
    EXPECT_TRUE(test::close(run(dtype, test::device()).to(torch::kFloat32),
                            run(dtype, torch::kCPU).to(torch::kFloat32),
                            bound));
  }
}

TEST(TrainingOnDevice, HasTheLayersGradientsOfTheCpu) {
  const auto run = [](torch::Device device) {
    const auto leaf = [&](const std::vector<std::int64_t>& sizes, std::uint64_t seed) {
      return test::randn(sizes, seed).to(device).requires_grad_();
    };
    const Tensor x = leaf({50, 64}, 1);
    const Tensor up = leaf({50, 64}, 2);
    const Tensor weight = leaf({64}, 3);
    const Tensor y =
        ops::quick_gelu(ops::swiglu(ops::rms_norm(x, weight, 1e-6), up)).square().sum();
    std::vector<Tensor> all = torch::autograd::grad({y}, {x, up, weight});
    for (Tensor& one : all) one = one.cpu();
    return all;
  };
  const std::vector<Tensor> wanted = run(torch::kCPU);
  const std::vector<Tensor> got = run(test::device());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(test::close(got[i], wanted[i], 2e-5 * wanted[i].abs().max().item<double>()));
}

TEST(TrainingOnDevice, DropsTheElementsThatTheCpuDrops) {
  for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
    const Tensor x = test::randn({33, 70}, 1).to(dtype);
    const Tensor wanted = seeded_dropout(x, 0.3, 9, 1234567);
    EXPECT_TRUE(seeded_dropout(x.to(test::device()), 0.3, 9, 1234567).cpu().equal(wanted));
    EXPECT_NEAR((wanted == 0).to(torch::kFloat64).mean().item<double>(), 0.3, 0.04);
  }
}

}  // namespace
}  // namespace vragent::nn
