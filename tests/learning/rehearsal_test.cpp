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

TEST(Rehearse, LeavesNoGradientBehind) {
  torch::nn::Module module;
  const torch::Tensor weight = module.register_parameter("weight", torch::ones({2}));
  nn::ShardedAdamW optimizer({{.parameters = {{"weight", weight}}}}, {}, comm::alone());
  torch::Tensor seen;
  rehearse_backward(1, optimizer, [&] {
    seen = (weight * weight).sum();
    return seen;
  });
  EXPECT_EQ(seen.item<float>(), 2);
  EXPECT_FALSE(weight.grad().defined());
}

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
