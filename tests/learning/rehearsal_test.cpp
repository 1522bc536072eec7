// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/rehearsal.h"

#include <new>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

std::string complaint(const std::function<void()>& work) {
  try {
    rehearse(1234, work);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUnavailable);
    return error.what();
  }
  return "";
}

TEST(Rehearse, SaysWhatToDoWhenTheMemoryDoesNotSuffice) {
  // More than any machine has: torch's own allocator refuses.
  const std::string of_torch =
      complaint([] { torch::empty({std::int64_t{1} << 50}, torch::kFloat32); });
  EXPECT_THAT(of_torch, ::testing::HasSubstr("1234 tokens"));
  EXPECT_THAT(of_torch, ::testing::HasSubstr("--micro-tokens"));
  EXPECT_THAT(complaint([] { throw std::bad_alloc(); }), ::testing::HasSubstr("--micro-tokens"));
  EXPECT_EQ(complaint([] {}), "");
}

TEST(Rehearse, LeavesOtherErrorsAsTheyAre) {
  EXPECT_THROW(rehearse(1, [] { TORCH_CHECK(false, "another bug"); }), c10::Error);
}

/// A weight of two ones and what trains it.
class RehearseBackward : public ::testing::TestWithParam<torch::Dtype> {
 protected:
  RehearseBackward()
      : weight_(module_.register_parameter("weight", torch::ones({2}).to(GetParam()))),
        optimizer_({{.parameters = {{"weight", weight_}}}}, {}, comm::alone()),
        gradients_({{"weight", weight_}}) {}

  torch::Tensor loss() {
    has_gradient_.push_back(weight_.grad().defined());
    return (weight_ * weight_).sum();
  }

  void rehearse_it(bool several_parts) {
    rehearse_backward(
        {.tokens = 1, .several_parts = several_parts}, optimizer_, gradients_, [this] {
          return loss();
        });
  }

  torch::nn::Module module_;
  torch::Tensor weight_;
  nn::ShardedAdamW optimizer_;
  GradientSum gradients_;
  std::vector<bool> has_gradient_;  ///< when a loss was computed
};

TEST_P(RehearseBackward, LeavesNoGradientBehind) {
  for (const bool several_parts : {false, true}) {
    rehearse_it(several_parts);
    EXPECT_FALSE(weight_.grad().defined());
    loss().backward();
    gradients_.add();
    gradients_.finish();
    EXPECT_EQ(weight_.grad().sum().item<float>(), 4) << "a sum is left";
    optimizer_.zero_grad();
  }
}

TEST_P(RehearseBackward, StandsBesideTheGradientsOfAnotherPartWhereAStepHasSeveral) {
  rehearse_it(false);
  EXPECT_THAT(has_gradient_, ::testing::ElementsAre(false));
  has_gradient_.clear();
  rehearse_it(true);
  // Those of bf16 weights are taken into a sum in fp32 beside them.
  EXPECT_THAT(has_gradient_, ::testing::ElementsAre(false, GetParam() == torch::kFloat32));
}

INSTANTIATE_TEST_SUITE_P(Types,
                         RehearseBackward,
                         ::testing::Values(torch::kFloat32, torch::kBFloat16));

TEST(LongestOf, AreTheFirstAmongEquals) {
  const std::vector<std::int64_t> tokens = {3, 9, 5, 9, 1};
  EXPECT_THAT(longest_of(tokens, 3), ::testing::ElementsAre(1, 3, 2));
  EXPECT_THAT(longest_of(tokens, 9), ::testing::ElementsAre(1, 3, 2, 0, 4));
}

TEST(Rehearses, OnADeviceWithMemoryOfItsOwnUnlessSaid) {
  EXPECT_FALSE(rehearses("auto", torch::kCPU));
  EXPECT_TRUE(rehearses("auto", torch::Device("cuda:0")));
  EXPECT_TRUE(rehearses("on", torch::kCPU));
  EXPECT_FALSE(rehearses("off", torch::Device("cuda:0")));
}

}  // namespace
}  // namespace vragent::learning
