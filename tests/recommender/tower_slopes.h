// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// An item tower's gradients against finite differences.
#pragma once

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/nn/optim/adamw.h"
#include "vragent/recommender/item_tower.h"

namespace vragent::recommender {

/// Along one random direction of every parameter that trains. @param tower turned to float64
/// @return how many parameters there were
inline std::size_t expect_numeric_slopes(ItemTower& tower, const torch::Tensor& index) {
  tower->to(torch::kFloat64);
  const auto loss = [&] {
    const torch::Tensor vectors = tower(index);
    return (vectors * test::randn(vectors.sizes(), 1).to(torch::kFloat64)).sum().tanh();
  };
  tower->zero_grad();
  loss().backward();
  const auto trained = nn::trainable_parameters(*tower);
  std::uint64_t seed = 2;
  for (const nn::NamedParameter& parameter : trained) {
    const torch::Tensor direction =
        test::randn(parameter.tensor.sizes(), seed++).to(torch::kFloat64);
    const double wanted =
        test::numeric_slope([&] { return loss().item<double>(); }, parameter.tensor, direction);
    const double got = (parameter.tensor.grad() * direction).sum().item<double>();
    EXPECT_NEAR(got, wanted, 1e-6 * std::max(1.0, std::abs(wanted))) << parameter.name;
  }
  return trained.size();
}

}  // namespace vragent::recommender
