// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Every process trains its copy of a small network on its part of the batches; in the end all hold
// what torch's own AdamW makes of the whole batches in one process.
#include "vragent/nn/optim/sharded_adamw.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>

#include "processes/launched.h"
#include "support/tensor_matchers.h"
#include "vragent/comm/sharing.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

constexpr std::int64_t kBatch = 12;
constexpr std::int64_t kSteps = 20;

const comm::Communicator& processes() {
  return test::launched();
}

/// Odd sizes, so that parts end within parameters; a parameter that never learns.
struct Net : torch::nn::Module {
  explicit Net(torch::Dtype dtype) {
    const auto drawn = [&](const char* name, at::IntArrayRef shape, std::uint64_t seed) {
      return register_parameter(name, (test::randn(shape, seed) * 0.3).to(dtype));
    };
    first = drawn("first", {7, 11}, 1);
    bias = drawn("bias", {11}, 2);
    second = drawn("second", {11, 5}, 3);
    unused = drawn("unused", {3, 3}, 4);
  }

  /// Mean squared error of rows [begin, end) over all rows of the batch.
  [[nodiscard]] Tensor loss(std::int64_t step, std::int64_t begin, std::int64_t end) const {
    const Tensor x = test::randn({kBatch, 7}, static_cast<std::uint64_t>(1000 + step));
    const Tensor y = test::randn({kBatch, 5}, static_cast<std::uint64_t>(2000 + step));
    const Tensor made =
        torch::tanh(x.slice(0, begin, end).to(first.scalar_type()).matmul(first) + bias)
            .matmul(second);
    return (made - y.slice(0, begin, end).to(made.scalar_type())).square().sum() / kBatch;
  }

  Tensor first;
  Tensor bias;
  Tensor second;
  Tensor unused;
};

OptimConfig optim_config() {
  return {.lr = 1e-2, .weight_decay = 0.1, .clip = 0.5};
}

/// This rank's rows, in so many backward passes that differ between ranks; the last rank of a
/// larger launch has none at all.
void backward(const Net& net, std::int64_t step) {
  const int busy = processes().size() > 2 ? processes().size() - 1 : processes().size();
  if (processes().rank() >= busy) return;
  const std::int64_t begin = kBatch * processes().rank() / busy;
  const std::int64_t end = kBatch * (processes().rank() + 1) / busy;
  const std::int64_t middle = processes().rank() % 2 == 0 ? begin + 1 : end;
  net.loss(step, begin, middle).backward();
  if (middle < end) net.loss(step, middle, end).backward();
}

void train(Net& net, ShardedAdamW& optimizer, std::int64_t from, std::int64_t to) {
  for (std::int64_t step = from; step < to; ++step) {
    optimizer.zero_grad();
    backward(net, step);
    EXPECT_GT(optimizer.clip_gradients(optim_config().clip), 0);
    optimizer.step(optim_config().lr);
  }
}

std::vector<ParameterGroup> groups_of(const Net& net) {
  return decay_groups(trainable_parameters(net), optim_config().weight_decay);
}

/// The same by torch, in one process.
std::vector<Tensor> trained_by_torch() {
  Net net(torch::kFloat32);
  torch::optim::AdamWOptions decaying(1e-2);
  decaying.weight_decay(0.1).eps(1e-8);
  torch::optim::AdamWOptions plain(1e-2);
  plain.weight_decay(0.0).eps(1e-8);
  torch::optim::AdamW optimizer(
      {torch::optim::OptimizerParamGroup({net.first, net.second},
                                         std::make_unique<torch::optim::AdamWOptions>(decaying)),
       torch::optim::OptimizerParamGroup({net.bias},
                                         std::make_unique<torch::optim::AdamWOptions>(plain))});
  for (std::int64_t step = 0; step < kSteps; ++step) {
    optimizer.zero_grad();
    net.loss(step, 0, kBatch).backward();
    const double norm =
        torch::stack({net.first.grad().norm(), net.second.grad().norm(), net.bias.grad().norm()})
            .norm()
            .item<double>();
    for (const Tensor& parameter : {net.first, net.second, net.bias})
      parameter.grad().mul_(std::min(1.0, 0.5 / (norm + 1e-6)));
    optimizer.step();
  }
  return {net.first.detach(), net.bias.detach(), net.second.detach()};
}

/// What is shared, and how many elements are summed in one go.
struct Sharing {
  int zero;
  std::int64_t bucket;
};

class ShardedAdamWTogether : public ::testing::TestWithParam<Sharing> {};

TEST_P(ShardedAdamWTogether, EqualsTorchInOneProcess) {
  Net net(torch::kFloat32);
  ShardedAdamW optimizer(
      groups_of(net), optim_config(), processes(), GetParam().zero, GetParam().bucket);
  train(net, optimizer, 0, kSteps);
  const auto wanted = trained_by_torch();
  EXPECT_TRUE(test::close(net.first, wanted[0], 2e-7));
  EXPECT_TRUE(test::close(net.bias, wanted[1], 2e-7));
  EXPECT_TRUE(test::close(net.second, wanted[2], 2e-7));
  EXPECT_TRUE(net.unused.equal(Net(torch::kFloat32).unused)) << "it has no gradient";
  for (const Tensor& parameter : net.parameters()) {
    const Tensor all = processes().all_gather(parameter.detach().flatten());
    for (const Tensor& copy : all.view({processes().size(), -1}).unbind())
      EXPECT_TRUE(copy.equal(parameter.detach().flatten())) << "the same bits everywhere";
  }
}

/// The state of the whole, as one process alone has it too.
TEST_P(ShardedAdamWTogether, GoesOnFromAStateBitForBit) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    Net whole(type);
    ShardedAdamW wanted(
        groups_of(whole), optim_config(), processes(), GetParam().zero, GetParam().bucket);
    train(whole, wanted, 0, 3);
    NamedTensors state = wanted.state();
    EXPECT_EQ(state.size(), processes().rank() > 0 ? 0 : type == torch::kFloat32 ? 12 : 16);
    if (processes().rank() > 0) {  // as if read from rank 0's file
      AdamW shapes(groups_of(whole), optim_config());
      state = shapes.state();
    }
    for (auto& [name, tensor] : state) {
      tensor = tensor.contiguous();
      processes().broadcast(tensor, 0);
    }
    Net copy(type);
    {
      const torch::NoGradGuard no_grad;
      for (const auto& item : whole.named_parameters())
        copy.named_parameters()[item.key()].copy_(item.value());
    }
    ShardedAdamW resumed(
        groups_of(copy), optim_config(), processes(), GetParam().zero, GetParam().bucket);
    resumed.load_state(state, "state");
    train(whole, wanted, 3, 6);
    train(copy, resumed, 3, 6);
    for (const auto& item : whole.named_parameters())
      EXPECT_TRUE(copy.named_parameters()[item.key()].equal(item.value())) << item.key();
    state.erase("m.first");
    EXPECT_THROW(resumed.load_state(state, "state"), DataError);
  }
}

TEST_P(ShardedAdamWTogether, FindsAGradientThatIsNoNumberInAnyProcess) {
  Net net(torch::kFloat32);
  ShardedAdamW optimizer(
      groups_of(net), optim_config(), processes(), GetParam().zero, GetParam().bucket);
  optimizer.zero_grad();
  const double factor = processes().rank() == 0 ? std::nan("") : 1.0;
  (net.loss(0, 0, 1) * factor).backward();
  EXPECT_FALSE(std::isfinite(optimizer.clip_gradients(1.0)));
  optimizer.zero_grad();
  train(net, optimizer, 0, 1);
  EXPECT_TRUE(net.first.isfinite().all().item<bool>()) << "nothing of it is left";
}

INSTANTIATE_TEST_SUITE_P(Zero,
                         ShardedAdamWTogether,
                         ::testing::Values(Sharing{1, 1 << 22},
                                           Sharing{1, 60},
                                           Sharing{2, 1 << 22},
                                           Sharing{2, 60},  // several buckets a group
                                           Sharing{2, 1}),  // every parameter alone
                         [](const auto& sharing) {
                           return formatted(
                               "{}InBucketsOf{}", sharing.param.zero, sharing.param.bucket);
                         });

}  // namespace
}  // namespace vragent::nn
