// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/packed_linear.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

Tensor bf16(at::IntArrayRef shape, std::uint64_t seed) {
  return test::randn(shape, seed).to(torch::kBFloat16);
}

TEST(PackedLinear, EqualsThePlainProductsSideBySide) {
  if (!has_amx_bf16()) GTEST_SKIP() << "skipped: this CPU has no AMX, nothing is packed on it";
  const std::vector<Tensor> weights = {bf16({48, 32}, 1), bf16({16, 32}, 2)};
  const std::vector<Tensor> biases = {bf16({48}, 3), bf16({16}, 4)};
  for (const std::int64_t rows : {1, 2, 5, 17, 300}) {
    const Tensor x = bf16({rows, 32}, 5);
    for (const bool with_bias : {false, true}) {
      const PackedLinear packed = pack_linear(weights, with_bias ? biases : std::vector<Tensor>());
      Tensor wanted =
          torch::matmul(x.to(torch::kFloat32), torch::cat(weights).to(torch::kFloat32).t());
      if (with_bias) wanted = wanted + torch::cat(biases).to(torch::kFloat32);
      EXPECT_TRUE(torch::allclose(packed.forward(x).to(torch::kFloat32), wanted, 1.0 / 128, 1e-2))
          << rows;
    }
  }
}

TEST(PackedLinear, IsForBfloat16OnCpusWithTilesOnly) {
  EXPECT_FALSE(packing_pays(test::randn({4, 4}, 1)));
  EXPECT_EQ(packing_pays(bf16({4, 4}, 1)), has_amx_bf16());
  EXPECT_FALSE(PackedLinear().is_packed());
}

}  // namespace
}  // namespace vragent::ops
