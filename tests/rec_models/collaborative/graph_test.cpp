// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/graph.h"

#include <vector>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::rec_models::collaborative {
namespace {

using torch::Tensor;

constexpr std::int64_t kUsers = 3;
constexpr std::int64_t kItems = 4;
constexpr std::int64_t kNodes = kUsers + kItems + 1;

/// One edge twice; item 3 has none.
const std::vector<Edge> kEdges = {{0, 1}, {0, 2}, {1, 2}, {2, 2}, {2, 4}, {0, 2}};

/// The matrix written out, from degrees that are counted on it.
Tensor dense(EdgeWeight weight) {
  Tensor pattern = torch::zeros({kNodes, kNodes}, torch::kFloat64);
  for (const Edge& edge : kEdges) {
    pattern[edge.user][kUsers + edge.item] = 1;
    pattern[kUsers + edge.item][edge.user] = 1;
  }
  const Tensor degrees = pattern.sum(1).clamp_min(1);
  if (weight == EdgeWeight::kMean) return pattern / degrees.unsqueeze(1);
  return pattern / degrees.sqrt().unsqueeze(1) / degrees.sqrt();
}

class Propagate : public ::testing::TestWithParam<EdgeWeight> {
 protected:
  Adjacency adjacency =
      make_adjacency(kEdges, kUsers, kItems, GetParam()).to(torch::kCPU, torch::kFloat64);
  Tensor x = test::randn({kNodes, 5}, 3).to(torch::kFloat64).requires_grad_();
};

TEST_P(Propagate, IsTheProductWithTheMatrix) {
  EXPECT_TRUE(test::close(propagate(adjacency, x), dense(GetParam()).matmul(x), 1e-14));
}

TEST_P(Propagate, HasTrueGradients) {
  const Tensor weights = test::randn({kNodes, 5}, 4).to(torch::kFloat64);
  const auto loss = [&] { return (propagate(adjacency, x.square()) * weights).sum(); };
  const Tensor numeric = test::numeric_gradient([&] { return loss().item<double>(); }, x);
  EXPECT_TRUE(test::close(torch::autograd::grad({loss()}, {x})[0], numeric, 1e-7));
}

TEST_P(Propagate, IsTheSameInSinglePrecision) {
  const Adjacency single = adjacency.to(torch::kCPU, torch::kFloat32);
  const Tensor wanted = dense(GetParam()).matmul(x);
  EXPECT_TRUE(test::close(propagate(single, x.to(torch::kFloat32)), wanted, 1e-6));
}

TEST_P(Propagate, AveragesItsLayers) {
  const Tensor a = dense(GetParam());
  const Tensor wanted =
      (x + a.matmul(x) + a.matmul(a.matmul(x)) + a.matmul(a.matmul(a.matmul(x)))) / 4;
  EXPECT_TRUE(test::close(propagate_mean(adjacency, x, 3), wanted, 1e-14));
  const Tensor weights = test::randn({kNodes, 5}, 4).to(torch::kFloat64);
  for (const std::int64_t layers : {1, 3}) {
    const auto loss = [&] {
      return (propagate_mean(adjacency, x.square(), layers) * weights).sum();
    };
    const Tensor numeric = test::numeric_gradient([&] { return loss().item<double>(); }, x);
    EXPECT_TRUE(test::close(torch::autograd::grad({loss()}, {x})[0], numeric, 1e-7)) << layers;
  }
}

TEST_P(Propagate, TakesRowsOfAnyWidth) {
  for (const std::int64_t width : {1, 8, 15, 16, 33, 64, 150}) {
    const Tensor wide = test::randn({kNodes, width}, 6).to(torch::kFloat64);
    const Tensor wanted = dense(GetParam()).matmul(wide);
    EXPECT_TRUE(test::close(propagate(adjacency, wide), wanted, 1e-14)) << width;
    const Adjacency single = adjacency.to(torch::kCPU, torch::kFloat32);
    EXPECT_TRUE(test::close(propagate(single, wide.to(torch::kFloat32)), wanted, 1e-6)) << width;
  }
}

INSTANTIATE_TEST_SUITE_P(Weights,
                         Propagate,
                         ::testing::Values(EdgeWeight::kSymmetric, EdgeWeight::kMean),
                         [](const auto& instance) {
                           return instance.param == EdgeWeight::kMean ? "Mean" : "Symmetric";
                         });

TEST(MakeAdjacency, CountsEqualEdgesOnce) {
  const Adjacency adjacency = make_adjacency(kEdges, kUsers, kItems, EdgeWeight::kSymmetric);
  EXPECT_EQ(adjacency.neighbours.size(0), 10);
  EXPECT_EQ(adjacency.offsets.size(0), kNodes + 1);
}

}  // namespace
}  // namespace vragent::rec_models::collaborative
