// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/recompute.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/lora.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

/// x + down(silu(up(x))); counts its calls.
struct BlockImpl : torch::nn::Module {
  BlockImpl()
      : up(register_module("up", Linear(6, 10))), down(register_module("down", Linear(10, 6))) {
    const torch::NoGradGuard no_grad;
    std::uint64_t seed = 0;
    for (Tensor& parameter : parameters()) parameter.copy_(test::randn(parameter.sizes(), ++seed));
  }

  Tensor forward(const Tensor& x) {
    ++calls;
    return x + down(torch::silu(up(x)));
  }

  Linear up;
  Linear down;
  int calls = 0;
};

TORCH_MODULE(Block);

Block adapted(double dropout) {
  const LoraConfig config{.rank = 2, .alpha = 6, .dropout = dropout};
  Block block;
  attach_adapter(*block->up, test::randn({2, 6}, 11), test::randn({10, 2}, 12), config);
  attach_adapter(*block->down, test::randn({2, 10}, 13), test::randn({6, 2}, 14), config);
  return block;
}

/// The block twice, and the gradients of what it is given and of what learns.
struct Ran {
  Tensor value;
  std::vector<Tensor> gradients;
};

Ran run(Block block, const Tensor& x, bool again, std::uint64_t drop_seed = 0) {
  block->zero_grad();
  Tensor input = x.detach().clone().requires_grad_(x.requires_grad());
  const LayerFunction layer = [block](const Tensor& t) mutable { return block(t); };
  const auto call = [&](const Tensor& t) {
    return again ? recomputed(t, *block, layer) : layer(t);
  };
  Tensor y;
  {
    const AdapterDropout drops(*block, drop_seed);  // over before the backward pass begins
    y = call(call(input));
  }
  y.square().sum().backward();
  Ran ran{.value = y.detach()};
  if (x.requires_grad()) ran.gradients.push_back(input.grad().clone());
  for (const Tensor& parameter : block->parameters()) {
    if (parameter.requires_grad()) ran.gradients.push_back(parameter.grad().clone());
  }
  return ran;
}

void expect_same_bits(const Ran& got, const Ran& wanted) {
  EXPECT_TRUE(got.value.equal(wanted.value));
  ASSERT_EQ(got.gradients.size(), wanted.gradients.size());
  for (std::size_t i = 0; i < got.gradients.size(); ++i) {
    EXPECT_TRUE(wanted.gradients[i].any().item<bool>()) << i;
    EXPECT_TRUE(got.gradients[i].equal(wanted.gradients[i])) << i;
  }
}

TEST(Recomputed, HasTheBitsOfTheLayerAndCallsItAgain) {
  Block block;
  const Tensor x = test::randn({7, 6}, 1).requires_grad_();
  const Ran wanted = run(block, x, false);
  EXPECT_EQ(block->calls, 2);
  const Ran got = run(block, x, true);
  EXPECT_EQ(block->calls, 2 + 4);
  expect_same_bits(got, wanted);
}

TEST(Recomputed, TeachesAdaptersOnAnInputWithoutGradient) {
  const Tensor x = test::randn({7, 6}, 1);
  const Ran got = run(adapted(0.0), x, true);
  EXPECT_EQ(got.gradients.size(), 4);
  expect_same_bits(got, run(adapted(0.0), x, false));
}

TEST(Recomputed, DropsTheSameInputsAgainThoughTheStreamsAreGone) {
  const Tensor x = test::randn({7, 6}, 1).requires_grad_();
  const Ran got = run(adapted(0.5), x, true, 5);
  expect_same_bits(got, run(adapted(0.5), x, false, 5));
  EXPECT_FALSE(got.value.equal(run(adapted(0.5), x, true, 6).value));
}

TEST(Recomputed, UsesAdaptersAsTheyWereSwitched) {
  Block block = adapted(0.0);
  const Tensor x = test::randn({7, 6}, 1).requires_grad_();
  const LayerFunction layer = [block](const Tensor& t) mutable { return block(t); };
  const Tensor wanted = layer(x);
  const Tensor y = recomputed(x, *block, layer);
  const AdapterSwitch off(*block, LowRank::Use::kOff);
  wanted.sum().backward();
  const Tensor gradient = x.grad().clone();
  x.mutable_grad() = Tensor();
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal(gradient));
  EXPECT_EQ(block->up->adapter->use, LowRank::Use::kOff) << "and leaves the switch as it is now";
}

TEST(Recomputed, IsTheLayerWhereNothingLearns) {
  Block block;
  const torch::NoGradGuard no_grad;
  const Tensor x = test::randn({7, 6}, 1);
  const Tensor y = recomputed(x, *block, [&](const Tensor& t) { return block(t); });
  EXPECT_FALSE(y.requires_grad());
  EXPECT_TRUE(y.equal(block(x)));
}

}  // namespace
}  // namespace vragent::nn
