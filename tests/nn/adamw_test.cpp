// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/optim/adamw.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/layers.h"
#include "vragent/util/error.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

/// Two parameters and the gradient of a step.
struct Problem {
  explicit Problem(torch::Dtype dtype = torch::kFloat32)
      : matrix(test::randn({4, 3}, 1).to(dtype).requires_grad_()),
        vector(test::randn({3}, 2).to(dtype).requires_grad_()) {}

  void set_gradients(std::uint64_t step) {
    matrix.mutable_grad() = test::randn({4, 3}, 100 + step).to(matrix.scalar_type());
    vector.mutable_grad() = test::randn({3}, 200 + step).to(vector.scalar_type());
  }

  [[nodiscard]] std::vector<ParameterGroup> groups(double decay) const {
    return decay_groups({{"matrix", matrix}, {"vector", vector}}, decay);
  }

  Tensor matrix;
  Tensor vector;
};

TEST(AdamW, EqualsTorchForTwentySteps) {
  const OptimConfig config{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-7};
  Problem ours;
  Problem theirs;
  AdamW optimizer(ours.groups(0.1), config);
  torch::optim::AdamWOptions options(0.01);
  options.betas({0.8, 0.95}).eps(1e-7);
  torch::optim::AdamW with_decay({theirs.matrix}, options.weight_decay(0.1));
  torch::optim::AdamW without_decay({theirs.vector}, options.weight_decay(0.0));
  for (std::uint64_t step = 0; step < 20; ++step) {
    ours.set_gradients(step);
    theirs.set_gradients(step);
    optimizer.step(0.01);
    with_decay.step();
    without_decay.step();
    ASSERT_TRUE(test::close(ours.matrix, theirs.matrix, 1e-6)) << step;
    ASSERT_TRUE(test::close(ours.vector, theirs.vector, 1e-6)) << step;
  }
}

TEST(AdamW, TakesTheRateOfEachStepTimesTheGroupsScale) {
  Problem problem;
  const Tensor before = problem.matrix.detach().clone();
  AdamW optimizer({{.parameters = {{"matrix", problem.matrix}}, .lr_scale = 0.5}},
                  {.eps = 1e-12, .weight_decay = 0});
  problem.set_gradients(0);
  optimizer.step(0.2);  // the first step moves by the rate against the gradient's sign
  EXPECT_TRUE(test::close(problem.matrix, before - 0.1 * problem.matrix.grad().sign(), 1e-5));
}

TEST(AdamW, LeavesAParameterWithoutGradientAlone) {
  Problem problem;
  const Tensor before = problem.vector.detach().clone();
  AdamW optimizer(problem.groups(0.1), {});
  problem.matrix.mutable_grad() = torch::ones({4, 3});
  optimizer.step(0.1);
  EXPECT_TRUE(problem.vector.equal(before));
  EXPECT_EQ(optimizer.state().at("step.vector").item<float>(), 0.0F);
  EXPECT_EQ(optimizer.state().at("step.matrix").item<float>(), 1.0F);
}

TEST(AdamW, AccumulatesInItsMasterCopyWhatBf16WouldRoundAway) {
  Tensor weight = torch::ones({8}, torch::kBFloat16).requires_grad_();
  AdamW optimizer({{.parameters = {{"w", weight}}}}, {.weight_decay = 0});
  for (int step = 0; step < 100; ++step) {
    weight.mutable_grad() = torch::ones({8}, torch::kBFloat16);
    optimizer.step(1e-4);  // far below the spacing of bf16 at 1, which is 2^-7
  }
  EXPECT_TRUE(test::close(optimizer.state().at("master.w"), torch::full({8}, 0.99F), 1e-4));
  EXPECT_TRUE(weight.equal(torch::full({8}, 0.99F).to(torch::kBFloat16)));
}

TEST(AdamW, FollowsFp32CloselyWithBf16Parameters) {
  Problem narrow(torch::kBFloat16);
  Problem wide;
  {
    const torch::NoGradGuard no_grad;
    wide.matrix.copy_(narrow.matrix);
  }
  AdamW ours(narrow.groups(0.1), {});
  AdamW reference(wide.groups(0.1), {});
  for (std::uint64_t step = 0; step < 20; ++step) {
    narrow.set_gradients(step);
    wide.matrix.mutable_grad() = narrow.matrix.grad().to(torch::kFloat32);
    ours.step(0.01);
    reference.step(0.01);
  }
  EXPECT_TRUE(test::close(ours.state().at("master.matrix"), wide.matrix, 1e-6));
}

TEST(AdamW, HasTheWeightsOfFp32RoundedAndItsMastersToTheBit) {
  const Tensor start = test::randn({70, 31}, 3).to(torch::kBFloat16);
  Tensor narrow = start.clone().requires_grad_();
  Tensor wide = start.to(torch::kFloat32).requires_grad_();
  AdamW ours(decay_groups({{"w", narrow}}, 0.1), {});
  AdamW reference(decay_groups({{"w", wide}}, 0.1), {});
  for (std::uint64_t step = 0; step < 30; ++step) {
    narrow.mutable_grad() = test::randn({70, 31}, 10 + step).to(torch::kBFloat16);
    wide.mutable_grad() = narrow.grad().to(torch::kFloat32);
    ours.step(0.003);
    reference.step(0.003);
    ASSERT_TRUE(ours.state().at("master.w").equal(wide)) << step;
    ASSERT_TRUE(narrow.equal(wide.to(torch::kBFloat16))) << step;
  }
}

/// fp32 numbers of all sizes, many of them subnormal, halfway between two of bf16, or next to a
/// power of two; none is infinite, though some round to infinity.
Tensor all_kinds_of_masters() {
  const std::int64_t count = 1 << 20;
  const auto generator = at::detail::createCPUGenerator(7);
  const Tensor any = torch::randint(
      -(std::int64_t{1} << 31), std::int64_t{1} << 31, {count}, generator, torch::kInt64);
  const Tensor sign_and_fraction = any.bitwise_and(-0x7f800001);
  const std::vector<Tensor> kinds = {any,
                                     sign_and_fraction,
                                     any.bitwise_and(-0x10000).bitwise_or(0x8000),
                                     sign_and_fraction.bitwise_and(-0x10000).bitwise_or(0x8000),
                                     any.bitwise_or(0x7fff00),
                                     any.bitwise_and(-0x7fff01),
                                     any.bitwise_and(-0x10000)};
  const Tensor numbers = torch::cat(kinds).to(torch::kInt32).view(torch::kFloat32);
  return numbers.masked_select(numbers.isfinite());
}

TEST(AdamW, RecoversEveryMasterFromItsRoundingAndWhatItKeeps) {
  const Tensor masters = all_kinds_of_masters();
  ASSERT_GT(masters.numel(), 5'000'000);
  ASSERT_TRUE(masters.to(torch::kBFloat16).isinf().any().item<bool>());
  Tensor weight = torch::zeros(masters.sizes(), torch::kBFloat16).requires_grad_();
  AdamW optimizer({{.parameters = {{"w", weight}}}}, {});
  NamedTensors state = optimizer.state();
  state["master.w"] = masters;
  optimizer.load_state(state, "checkpoint");
  EXPECT_TRUE(
      weight.detach().view(torch::kInt16).equal(masters.to(torch::kBFloat16).view(torch::kInt16)));
  const Tensor got = optimizer.state().at("master.w");
  EXPECT_TRUE(got.view(torch::kInt32).equal(masters.view(torch::kInt32)));
}

TEST(AdamW, GoesOnBitForBitFromASavedState) {
  for (const torch::Dtype dtype : {torch::kFloat32, torch::kBFloat16}) {
    Problem straight(dtype);
    AdamW optimizer(straight.groups(0.1), {});
    Problem stopped(dtype);
    NamedTensors saved;
    for (std::uint64_t step = 0; step < 10; ++step) {
      if (step == 5) {
        for (const auto& [name, tensor] : optimizer.state()) saved[name] = tensor.clone();
        const torch::NoGradGuard no_grad;
        stopped.matrix.copy_(straight.matrix);
        stopped.vector.copy_(straight.vector);
      }
      straight.set_gradients(step);
      optimizer.step(0.01);
    }
    AdamW resumed(stopped.groups(0.1), {});
    resumed.load_state(saved, "checkpoint");
    for (std::uint64_t step = 5; step < 10; ++step) {
      stopped.set_gradients(step);
      resumed.step(0.01);
    }
    EXPECT_TRUE(stopped.matrix.equal(straight.matrix));
    EXPECT_TRUE(test::same_tensors(resumed.state(), optimizer.state()));
  }
}

TEST(AdamW, NamesWhatASavedStateLacks) {
  Problem problem;
  AdamW optimizer(problem.groups(0.1), {});
  NamedTensors state = optimizer.state();
  state.erase("v.matrix");
  try {
    optimizer.load_state(state, "checkpoint-7");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("checkpoint-7"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("v.matrix"), std::string::npos);
  }
  state = optimizer.state();
  state["m.vector"] = torch::zeros({4});
  EXPECT_THROW(optimizer.load_state(state, "checkpoint-7"), DataError);
}

TEST(ClipGradients, ScalesToTheLargestNormAsTorchDoes) {
  Problem problem;
  AdamW optimizer(problem.groups(0), {});
  problem.set_gradients(1);
  Problem other;
  other.set_gradients(1);
  const double wanted = torch::nn::utils::clip_grad_norm_({other.matrix, other.vector}, 0.5);
  EXPECT_NEAR(optimizer.clip_gradients(0.5), wanted, 1e-5);
  EXPECT_TRUE(test::close(problem.matrix.grad(), other.matrix.grad(), 1e-6));
  EXPECT_NEAR(optimizer.clip_gradients(0), 0.5, 1e-5);
}

TEST(ClipGradients, LeaveSmallAndNonFiniteGradientsAsTheyAre) {
  Problem problem;
  AdamW optimizer(problem.groups(0), {});
  EXPECT_EQ(optimizer.clip_gradients(1.0), 0.0) << "no gradient at all";
  problem.set_gradients(1);
  const Tensor before = problem.matrix.grad().clone();
  EXPECT_GT(optimizer.clip_gradients(1e3), 0.0);
  EXPECT_TRUE(problem.matrix.grad().equal(before));
  EXPECT_GT(optimizer.clip_gradients(0), 0.0);
  EXPECT_TRUE(problem.matrix.grad().equal(before));
  problem.vector.mutable_grad()[0] = NAN;
  EXPECT_TRUE(std::isnan(optimizer.clip_gradients(0.1)));
  EXPECT_TRUE(problem.matrix.grad().equal(before));
}

TEST(LearningRate, WarmsUpFromTheFirstStepAndHolds) {
  const OptimConfig config{.lr = 1.0, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 100), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(config, 3, 100), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 99, 100), 1.0);
}

TEST(LearningRate, FallsAlongALineOrACosineToItsFinalShare) {
  OptimConfig config{.lr = 2.0, .warmup_steps = 10, .schedule = "linear", .final_share = 0.1};
  EXPECT_DOUBLE_EQ(learning_rate(config, 10, 110), 2.0);
  EXPECT_NEAR(learning_rate(config, 60, 110), 2.0 * 0.55, 1e-12);
  EXPECT_NEAR(learning_rate(config, 110, 110), 0.2, 1e-12);
  EXPECT_NEAR(learning_rate(config, 500, 110), 0.2, 1e-12);
  config.schedule = "cosine";
  EXPECT_NEAR(
      learning_rate(config, 35, 110), 2.0 * (0.1 + 0.9 * 0.5 * (1 + std::sqrt(0.5))), 1e-12);
  EXPECT_NEAR(learning_rate(config, 110, 110), 0.2, 1e-12);
  EXPECT_NO_THROW(learning_rate(config, 0, 0));
}

TEST(DecayGroups, SpareVectorsAndScalars) {
  const auto groups = decay_groups({{"w", torch::ones({2, 2})},
                                    {"conv", torch::ones({2, 2, 3})},
                                    {"b", torch::ones({2})},
                                    {"s", torch::ones({})}},
                                   0.3);
  ASSERT_EQ(groups.size(), 2);
  EXPECT_EQ(groups[0].parameters.size(), 2);
  EXPECT_EQ(groups[0].weight_decay, 0.3);
  EXPECT_EQ(groups[1].parameters.size(), 2);
  EXPECT_EQ(groups[1].weight_decay, 0.0);
}

TEST(TrainableParameters, LeaveOutWhatIsFrozen) {
  SwiGlu net(2, 2, false);
  net->up_proj->weight.set_requires_grad(false);
  const auto parameters = trainable_parameters(*net);
  ASSERT_EQ(parameters.size(), 2);
  EXPECT_EQ(parameters[0].name, "gate_proj.weight");
  EXPECT_EQ(parameters[1].name, "down_proj.weight");
}

TEST(OptimConfig, RefusesImpossibleSettingsByName) {
  EXPECT_THROW((OptimConfig{.lr = -1}.check()), ConfigError);
  EXPECT_THROW((OptimConfig{.beta1 = 1}.check()), ConfigError);
  EXPECT_THROW((OptimConfig{.beta2 = 1}.check()), ConfigError);
  EXPECT_THROW((OptimConfig{.eps = -1}.check()), ConfigError);
  EXPECT_THROW((OptimConfig{.lr = NAN}.check()), ConfigError);
  EXPECT_THROW((OptimConfig{.schedule = "step"}.check()), ConfigError);
  EXPECT_NO_THROW(OptimConfig{}.check());
}

}  // namespace
}  // namespace vragent::nn
