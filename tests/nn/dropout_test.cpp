// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/dropout.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::nn {
namespace {

using torch::Tensor;

double mean_of(const Tensor& x) {
  return x.to(torch::kFloat64).mean().item<double>();
}

TEST(Dropout, DropsItsShareAndScalesTheRest) {
  const Tensor ones = torch::ones({1000, 517});
  for (const double share : {0.1, 0.5, 0.9}) {
    const Tensor y = seeded_dropout(ones, share, 7);
    const auto [values, inverse, counts] =
        at::_unique2(y, /*sorted=*/true, /*return_inverse=*/false, /*return_counts=*/true);
    ASSERT_EQ(values.numel(), 2) << share;
    EXPECT_EQ(values[0].item<float>(), 0.0F);
    EXPECT_FLOAT_EQ(values[1].item<float>(), static_cast<float>(1 / (1 - share)));
    const double n = static_cast<double>(ones.numel());
    const double dropped = counts[0].item<double>();
    EXPECT_NEAR(dropped / n, share, 5 * std::sqrt(share * (1 - share) / n));
  }
}

TEST(Dropout, TreatsPlacesAndSeedsAsIndependent) {
  constexpr double kShare = 0.3;
  const Tensor ones = torch::ones({1 << 19});
  const double bound = 5 / std::sqrt(static_cast<double>(ones.numel()));
  const Tensor a = (seeded_dropout(ones, kShare, 1) > 0).to(torch::kFloat64) - (1 - kShare);
  const auto correlation = [&](const Tensor& x, const Tensor& y) {
    return mean_of(x * y) / (kShare * (1 - kShare));
  };
  for (const std::int64_t lag : {1, 2, 10, 512, 2048}) {
    const std::int64_t rest = a.numel() - lag;
    EXPECT_NEAR(correlation(a.narrow(0, 0, rest), a.narrow(0, lag, rest)), 0, bound) << lag;
  }
  for (const std::uint64_t seed : {std::uint64_t{2}, std::uint64_t{1} << 32U, ~std::uint64_t{0}}) {
    const Tensor b = (seeded_dropout(ones, kShare, seed) > 0).to(torch::kFloat64) - (1 - kShare);
    EXPECT_NEAR(correlation(a, b), 0, bound) << seed;
  }
}

TEST(Dropout, DropsTheSameElementsWithoutItsKernels) {
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{0xFEDCBA9876543210}}) {
    const Tensor x = test::randn({300, 517}, 1);
    const Tensor by_kernel = seeded_dropout(x, 0.3, seed);
    const Tensor by_aten = seeded_dropout(x.to(torch::kFloat64), 0.3, seed);
    EXPECT_TRUE(by_kernel.ne(0).equal(by_aten.ne(0)));
    EXPECT_TRUE(torch::allclose(by_kernel.to(torch::kFloat64), by_aten, 1e-6, 0));
    const Tensor part = x.narrow(0, 100, 50);  // a process's share of the rows
    const Tensor own = by_kernel.narrow(0, 100, 50);
    EXPECT_TRUE(own.equal(seeded_dropout(part, 0.3, seed, 100 * 517)));
    EXPECT_TRUE(
        own.ne(0).equal(seeded_dropout(part.to(torch::kFloat64), 0.3, seed, 100 * 517).ne(0)));
  }
}

TEST(Dropout, PassesGradientsWhereItKeptSomething) {
  Tensor x = test::randn({64, 300}, 1).requires_grad_();
  const Tensor y = seeded_dropout(x, 0.4, 11);
  const Tensor weights = test::randn({64, 300}, 2);
  const Tensor grad = torch::autograd::grad({(y * weights).sum()}, {x})[0];
  const Tensor kept = seeded_dropout(torch::ones({64, 300}), 0.4, 11);
  EXPECT_TRUE(torch::allclose(grad, weights * kept));
}

TEST(Dropout, DependsOnNeitherThreadsNorType) {
  const Tensor x = test::randn({300, 400}, 1);
  const Tensor once = seeded_dropout(x, 0.2, 3);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  EXPECT_TRUE(seeded_dropout(x, 0.2, 3).equal(once));
  at::set_num_threads(threads);
  const Tensor narrow = seeded_dropout(x.to(torch::kBFloat16), 0.2, 3);
  EXPECT_TRUE(((narrow == 0) == (once == 0)).all().item<bool>());
}

TEST(Dropout, FollowsTorchsSeedAndLeavesInputsAloneOtherwise) {
  const Tensor x = torch::ones({50, 50});
  EXPECT_TRUE(nn::dropout(x, 0.5, /*training=*/false).is_same(x));
  EXPECT_TRUE(nn::dropout(x, 0.0, /*training=*/true).is_same(x));
  torch::manual_seed(4);
  const Tensor first = nn::dropout(x, 0.5, true);
  const Tensor second = nn::dropout(x, 0.5, true);
  EXPECT_FALSE(second.equal(first));
  torch::manual_seed(4);
  EXPECT_TRUE(nn::dropout(x, 0.5, true).equal(first));
  EXPECT_NEAR(mean_of(nn::dropout(x.to(torch::kFloat64), 0.5, true)), 1.0, 0.2)
      << "without a kernel";
}

}  // namespace
}  // namespace vragent::nn
