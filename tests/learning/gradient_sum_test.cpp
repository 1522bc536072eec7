// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/gradient_sum.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace vragent::learning {
namespace {

using torch::Tensor;

/// One backward pass that leaves the gradient `value` everywhere.
void backward(const Tensor& parameter, double value) {
  (parameter * value).sum().backward();
}

TEST(GradientSum, KeepsSmallPartsThatBf16WouldLose) {
  Tensor parameter = torch::ones({3}, torch::kBFloat16).requires_grad_(true);
  backward(parameter, 256);
  for (int i = 0; i < 8; ++i) backward(parameter, 0.5);
  EXPECT_EQ(parameter.grad()[0].item<float>(), 256.0F) << "what autograd's own sum does";
  parameter.mutable_grad() = Tensor();

  GradientSum sum({{"p", parameter}});
  backward(parameter, 256);
  sum.add();
  EXPECT_FALSE(parameter.grad().defined());
  for (int i = 0; i < 8; ++i) {
    backward(parameter, 0.5);
    sum.add();
  }
  sum.finish();
  EXPECT_EQ(parameter.grad().scalar_type(), torch::kFloat32);
  EXPECT_TRUE(parameter.grad().equal(torch::full({3}, 260.0F)));
}

TEST(GradientSum, BeginsAnewAfterFinish) {
  Tensor parameter = torch::ones({2}, torch::kBFloat16).requires_grad_(true);
  GradientSum sum({{"p", parameter}});
  for (int step = 0; step < 2; ++step) {
    backward(parameter, 2);
    sum.add();
    sum.finish();
    EXPECT_EQ(parameter.grad()[1].item<float>(), 2.0F) << step;
    parameter.mutable_grad() = Tensor();
  }
  sum.add();
  sum.finish();
  EXPECT_FALSE(parameter.grad().defined()) << "there was none";
}

TEST(GradientSum, IsStepUponByTheOptimiserAsAnFp32Gradient) {
  // Two halves of a step against one pass over both, in bf16 with fp32 masters.
  const Tensor start = torch::full({2, 2}, 0.25, torch::kBFloat16);
  Tensor halves = start.clone().requires_grad_(true);
  Tensor whole = start.clone().requires_grad_(true);
  nn::AdamW first({{.parameters = {{"p", halves}}}}, {});
  nn::AdamW second({{.parameters = {{"p", whole}}}}, {});
  GradientSum sum({{"p", halves}});
  backward(halves, 3);
  sum.add();
  backward(halves, 1);
  sum.add();
  sum.finish();
  backward(whole, 4);
  EXPECT_EQ(first.clip_gradients(1.0), second.clip_gradients(1.0));
  first.step(1e-2);
  second.step(1e-2);
  EXPECT_LT(
      (first.state().at("master.p") - second.state().at("master.p")).abs().max().item<float>(),
      1e-6);
}

TEST(GradientSum, LeavesFp32ToAutograd) {
  Tensor parameter = torch::ones({2}).requires_grad_(true);
  GradientSum sum({{"p", parameter}});
  backward(parameter, 2);
  sum.add();
  backward(parameter, 3);
  sum.add();
  sum.finish();
  EXPECT_TRUE(parameter.grad().equal(torch::full({2}, 5.0F)));
}

}  // namespace
}  // namespace vragent::learning
