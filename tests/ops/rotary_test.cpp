// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/rotary.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/ops/fused_layers.h"

namespace vragent::ops {
namespace {

Rotary table_of(const torch::Tensor& positions, std::int64_t head_dim, double theta) {
  return rotary_table(positions, rotary_frequencies(head_dim, theta, torch::kCPU));
}

using torch::Tensor;

TEST(RotaryTable, HoldsTheAnglesOfTheFormula) {
  const std::int64_t width = 6;
  const Rotary table = table_of(torch::tensor({0, 3, 5000}), width, 1e4);
  for (std::int64_t row = 0; row < 3; ++row) {
    const double position = row == 0 ? 0 : row == 1 ? 3 : 5000;
    for (std::int64_t j = 0; j < width; ++j) {
      const double angle = position * std::pow(1e4, -2.0 * static_cast<double>(j % 3) / width);
      EXPECT_NEAR(table.cos[row][j].item<double>(), std::cos(angle), 1e-3) << row << " " << j;
      EXPECT_NEAR(table.sin[row][j].item<double>(), std::sin(angle), 1e-3) << row << " " << j;
    }
  }
}

TEST(RotaryTable, StaysFp32WhereBf16WouldRoundThePositionAway) {
  const Tensor position = torch::tensor({5001});
  const Rotary table = table_of(position, 8, 1e6).to(torch::kBFloat16);
  EXPECT_NEAR(table.cos[0][0].item<double>(), std::cos(5001.0), 4e-3);
  EXPECT_NEAR(table.sin[0][0].item<double>(), std::sin(5001.0), 4e-3);
}

TEST(RotaryFrequencies, StretchOnlyLongWaves) {
  const Tensor plain = rotary_frequencies(64, 5e5, torch::kCPU);
  const Tensor got = stretched(plain, {.factor = 32, .low = 1, .high = 4, .original = 8192});
  const Tensor waves = 2 * M_PI / plain;
  const Tensor ratio = plain / got;
  EXPECT_TRUE(ratio.masked_select(waves < 8192.0 / 4).sub(1).abs().lt(1e-6).all().item<bool>());
  EXPECT_TRUE(ratio.masked_select(waves > 8192.0).sub(32).abs().lt(1e-4).all().item<bool>());
  const Tensor between = ratio.masked_select((waves > 8192.0 / 4).logical_and(waves < 8192.0));
  ASSERT_GE(between.numel(), 2);
  EXPECT_TRUE(between.gt(1).logical_and(between.lt(32)).all().item<bool>());
}

TEST(Rotate, TurnsThePairsOfBothHalves) {
  const Tensor x = test::randn({4, 3, 6}, 1);
  const std::vector<std::int64_t> positions = {0, 3, 7, 8};
  const Tensor got = rotate(x, table_of(torch::tensor(positions), 6, 100));
  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t j = 0; j < 3; ++j) {
      const double angle = static_cast<double>(positions[static_cast<std::size_t>(t)]) *
                           std::pow(100.0, -static_cast<double>(j) / 3.0);
      const double low = x[t][1][j].item<double>();
      const double high = x[t][1][j + 3].item<double>();
      EXPECT_NEAR(
          got[t][1][j].item<double>(), low * std::cos(angle) - high * std::sin(angle), 1e-5);
      EXPECT_NEAR(
          got[t][1][j + 3].item<double>(), high * std::cos(angle) + low * std::sin(angle), 1e-5);
    }
  }
}

TEST(Rotate, KeepsLengthsAndDependsOnDistancesOnly) {
  const Tensor q = test::randn({1, 1, 8}, 1);
  const Tensor k = test::randn({1, 1, 8}, 2);
  const auto dot = [&](std::int64_t query, std::int64_t key) {
    return (rotate(q, table_of(torch::tensor({query}), 8, 1e4)) *
            rotate(k, table_of(torch::tensor({key}), 8, 1e4)))
        .sum()
        .item<double>();
  };
  EXPECT_NEAR(dot(5, 2), dot(105, 102), 1e-4);
  EXPECT_GT(std::abs(dot(5, 2) - dot(5, 4)), 1e-3);
  EXPECT_NEAR(rotate(q, table_of(torch::tensor({77}), 8, 1e4)).norm().item<double>(),
              q.norm().item<double>(),
              1e-5);
}

}  // namespace
}  // namespace vragent::ops
