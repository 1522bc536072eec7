// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/autocast.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::nn {
namespace {

TEST(ComputeGuard, MixesProductsWhileItLives) {
  const torch::Tensor x = test::randn({8, 16}, 1);
  torch::Tensor weight = test::randn({4, 16}, 2).requires_grad_();
  const torch::Tensor exact = at::linear(x, weight);
  {
    const ComputeGuard guard(torch::kBFloat16, torch::kCPU);
    const torch::Tensor y = at::linear(x, weight);
    EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
    EXPECT_EQ((x + 1).scalar_type(), torch::kFloat32) << "sums stay as they are";
    EXPECT_TRUE(torch::allclose(y.to(torch::kFloat32), exact, 0.05, 0.1));
    y.sum().backward();
    EXPECT_EQ(weight.grad().scalar_type(), torch::kFloat32);
  }
  EXPECT_TRUE(at::linear(x, weight).equal(exact));
}

TEST(ComputeGuard, SeesWeightsThatChangedSinceTheLastOne) {
  const torch::Tensor x = torch::ones({1, 4});
  torch::Tensor weight = torch::ones({1, 4}).requires_grad_();
  const auto product = [&] {
    const ComputeGuard guard(torch::kBFloat16, torch::kCPU);
    return at::linear(x, weight).item<float>();
  };
  EXPECT_EQ(product(), 4);
  weight.detach().fill_(2);
  EXPECT_EQ(product(), 8);
}

TEST(ComputeGuard, ChangesNothingForFloat32) {
  const ComputeGuard guard(torch::kFloat32, torch::kCPU);
  EXPECT_EQ(torch::ones({2, 2}).matmul(torch::ones({2, 2})).scalar_type(), torch::kFloat32);
}

}  // namespace
}  // namespace vragent::nn
