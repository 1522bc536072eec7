// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/attention.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/tensor_matchers.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

/// One query over the keys it sees, loop by loop, in double.
/// @param visible (row, token, key) -> bool
template <class Visible>
Tensor naive_attention(const Tensor& q, const LayerKv& kv, Visible visible) {
  const std::int64_t per_key_head = q.size(1) / kv.k.size(1);
  const auto qa = q.accessor<float, 4>();
  const auto ka = kv.k.accessor<float, 4>();
  const auto va = kv.v.accessor<float, 4>();
  Tensor out = torch::zeros(q.sizes(), torch::kFloat64);
  auto oa = out.accessor<double, 4>();
  for (std::int64_t b = 0; b < q.size(0); ++b) {
    for (std::int64_t h = 0; h < q.size(1); ++h) {
      for (std::int64_t t = 0; t < q.size(2); ++t) {
        std::vector<double> weights(static_cast<std::size_t>(kv.k.size(2)), 0.0);
        double total = 0;
        for (std::int64_t s = 0; s < kv.k.size(2); ++s) {
          if (!visible(b, t, s)) continue;
          double dot = 0;
          for (std::int64_t d = 0; d < q.size(3); ++d)
            dot += static_cast<double>(qa[b][h][t][d]) * ka[b][h / per_key_head][s][d];
          weights[static_cast<std::size_t>(s)] = std::exp(dot / std::sqrt(q.size(3)));
          total += weights[static_cast<std::size_t>(s)];
        }
        for (std::int64_t s = 0; s < kv.k.size(2) && total > 0; ++s) {
          for (std::int64_t d = 0; d < q.size(3); ++d)
            oa[b][h][t][d] +=
                weights[static_cast<std::size_t>(s)] / total * va[b][h / per_key_head][s][d];
        }
      }
    }
  }
  return out;
}

TEST(Attention, EqualsALoopOverKeysWhenCausal) {
  const Tensor q = test::randn({2, 4, 5, 6}, 1);
  const LayerKv kv{test::randn({2, 2, 5, 6}, 2), test::randn({2, 2, 5, 6}, 3)};
  const Tensor wanted =
      naive_attention(q, kv, [](auto, std::int64_t t, std::int64_t s) { return s <= t; });
  EXPECT_TRUE(test::close(attention(q, kv, Tensor(), /*causal=*/true), wanted, 1e-6));
}

TEST(Attention, EqualsALoopOverKeysUnderAMask) {
  const Tensor q = test::randn({2, 3, 4, 8}, 1);
  const LayerKv kv{test::randn({2, 1, 7, 8}, 2), test::randn({2, 1, 7, 8}, 3)};
  const Tensor mask = test::randn({2, 1, 4, 7}, 4) > -0.5;
  const Tensor wanted = naive_attention(
      q, kv, [&](auto b, auto t, auto s) { return mask[b][0][t][s].template item<bool>(); });
  EXPECT_TRUE(test::close(attention(q, kv, mask, /*causal=*/false), wanted, 1e-6));
}

TEST(Attention, GivesZerosAndFiniteGradientsToARowThatSeesNothing) {
  Tensor q = test::randn({1, 2, 3, 4}, 1).requires_grad_();
  const LayerKv kv{test::randn({1, 2, 3, 4}, 2).requires_grad_(), test::randn({1, 2, 3, 4}, 3)};
  Tensor mask = torch::ones({1, 1, 3, 3}, torch::kBool);
  mask[0][0][1].fill_(false);
  const Tensor out = attention(q, kv, mask, false);
  EXPECT_EQ(out.select(2, 1).abs().max().item<float>(), 0.0F);
  out.square().sum().backward();
  EXPECT_TRUE(q.grad().isfinite().all().item<bool>());
  EXPECT_TRUE(kv.k.grad().isfinite().all().item<bool>());
}

TEST(Attention, RefusesHeadsThatDoNotShareEvenly) {
  EXPECT_THROW(attention(test::randn({1, 3, 2, 4}, 1),
                         {test::randn({1, 2, 2, 4}, 2), test::randn({1, 2, 2, 4}, 3)},
                         Tensor(),
                         true),
               c10::Error);
}

TEST(LengthMask, MarksTheFrontOfEachRow) {
  const Tensor got = length_mask(torch::tensor({0, 2, 3}), 3);
  const Tensor wanted =
      torch::tensor({{false, false, false}, {true, true, false}, {true, true, true}});
  EXPECT_TRUE(got.equal(wanted));
}

TEST(CausalMask, ShowsEachTokenItselfAndThePast) {
  EXPECT_TRUE(causal_mask(2, torch::kCPU).equal(torch::tensor({{true, false}, {true, true}})));
}

}  // namespace
}  // namespace vragent::ops
