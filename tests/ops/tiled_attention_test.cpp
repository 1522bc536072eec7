// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/tiled_attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"
#include "vragent/ops/linear/packed_linear.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

constexpr std::int64_t kRoot = 301;
constexpr std::int64_t kWidth = 64;

struct Shared {
  std::vector<std::int64_t> branches = {70, 1, 129};
  Packing packing = pack({kRoot, 70, 1, 129}, torch::kCPU, {-1, 0, 0, 0});
  Tensor q = test::randn({501, 6, kWidth}, 1).to(torch::kBFloat16);
  Tensor k = test::randn({501, 2, kWidth}, 2).to(torch::kBFloat16);
  Tensor v = test::randn({501, 2, kWidth}, 3).to(torch::kBFloat16);
  Tensor grad = test::randn({501, 6, kWidth}, 4).to(torch::kBFloat16);
};

/// The output and the gradients of q, k and v.
using Results = std::vector<Tensor>;

/// Every branch behind a copy of its root, by torch's own attention.
Results unshared(const Shared& made, torch::Dtype dtype) {
  const auto leaf = [&](const Tensor& x) { return x.to(dtype, false, true).requires_grad_(); };
  const Tensor q = leaf(made.q);
  const Tensor k = leaf(made.k);
  const Tensor v = leaf(made.v);
  const auto attend = [&](std::int64_t begin, std::int64_t length) {
    const auto row = [&](const Tensor& x) {
      const Tensor own = x.narrow(0, begin, length);
      const Tensor whole = begin == 0 ? own : torch::cat({x.narrow(0, 0, kRoot), own});
      return whole.repeat_interleave(6 / x.size(1), 1).transpose(0, 1).unsqueeze(0);
    };
    const Tensor out = at::scaled_dot_product_attention(row(q), row(k), row(v), {}, 0.0, true);
    return out.squeeze(0).transpose(0, 1).slice(0, -length);
  };
  std::vector<Tensor> parts = {attend(0, kRoot)};
  std::int64_t begin = kRoot;
  for (const std::int64_t length : made.branches) {
    parts.push_back(attend(begin, length));
    begin += length;
  }
  const Tensor out = torch::cat(parts);
  Results all = torch::autograd::grad({out}, {q, k, v}, {made.grad.to(dtype)});
  all.insert(all.begin(), out.detach());
  return all;
}

Results shared(const Shared& made) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : {made.q, made.k, made.v})
    leaves.push_back(x.detach().clone().requires_grad_());
  const Tensor out = packed_attention(leaves[0], {leaves[1], leaves[2]}, made.packing);
  Results all = torch::autograd::grad({out}, leaves, {made.grad});
  all.insert(all.begin(), out.detach());
  return all;
}

double error(const Tensor& got, const Tensor& wanted) {
  return (got.to(torch::kFloat64) - wanted).square().mean().sqrt().item<double>();
}

TEST(TiledAttention, IsNoFartherFromDoublePrecisionThanTorchIsWithoutSharing) {
  const Shared made;
  const Results wanted = unshared(made, torch::kFloat64);
  const Results torchs = unshared(made, torch::kBFloat16);
  const Results got = shared(made);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_LE(error(got[i], wanted[i]), 1.05 * error(torchs[i], wanted[i]))
        << "out, q, k, v: " << i;
  }
}

TEST(TiledAttention, DependsNeitherOnThreadsNorOnTheirTiming) {
  const Shared made;
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Results alone = shared(made);
  for (const int threads : {2, 2}) {
    at::set_num_threads(threads);
    const Results got = shared(made);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].equal(alone[i])) << i;
  }
  at::set_num_threads(before);
}

TEST(TiledAttention, IsForBfloat16OnThisCpuOnly) {
  const auto fits = [](std::int64_t width, torch::Dtype dtype) {
    const Tensor x = test::randn({4, 2, width}, 1).to(dtype);
    return fits_tiles(x, {x, x});
  };
  EXPECT_FALSE(fits(64, torch::kFloat32));
  EXPECT_FALSE(fits(64, torch::kFloat64));
  EXPECT_FALSE(fits(48, torch::kBFloat16));
  EXPECT_TRUE(has_amx_bf16() || !fits(64, torch::kBFloat16));
}

}  // namespace
}  // namespace vragent::ops
