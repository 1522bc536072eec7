// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/attention.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/tensor_matchers.h"

namespace vragent::nn {
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

struct PrefixedShape {
  std::int64_t prompts, group, heads, kv_heads, prefix, own;
};

class PrefixedAttention : public ::testing::TestWithParam<PrefixedShape> {
 protected:
  void SetUp() override {
    const auto [prompts, group, heads, kv_heads, prefix_length, own_length] = GetParam();
    const std::int64_t rows = prompts * group;
    q = test::randn({rows, heads, own_length, 8}, 1).requires_grad_();
    own = {test::randn({rows, kv_heads, own_length, 8}, 2).requires_grad_(),
           test::randn({rows, kv_heads, own_length, 8}, 3).requires_grad_()};
    prefix = {test::randn({prompts, kv_heads, prefix_length, 8}, 4).requires_grad_(),
              test::randn({prompts, kv_heads, prefix_length, 8}, 5).requires_grad_()};
    Tensor lengths = torch::full({prompts}, prefix_length, torch::kInt64);
    for (std::int64_t p = 1; p < prompts; ++p) lengths[p] = 1 + (p * 3) % prefix_length;  // ragged
    prefix_mask = length_mask(lengths, prefix_length);
    causal = causal_mask(own_length, torch::kCPU).unsqueeze(0);
  }

  [[nodiscard]] std::vector<Tensor> leaves() const { return {q, own.k, own.v, prefix.k, prefix.v}; }

  /// Attention over prefix and suffix put together, the prefix repeated for each sample.
  [[nodiscard]] Tensor over_concatenation() const {
    const std::int64_t group = GetParam().group;
    const auto joined = [&](const Tensor& front, const Tensor& back) {
      return torch::cat({front.repeat_interleave(group, 0), back}, 2);
    };
    const Tensor front = prefix_mask.repeat_interleave(group, 0).unsqueeze(1).expand(
        {q.size(0), q.size(2), prefix_mask.size(1)});
    const Tensor mask = torch::cat({front, causal.expand({q.size(0), -1, -1})}, 2).unsqueeze(1);
    return attention(q, {joined(prefix.k, own.k), joined(prefix.v, own.v)}, mask, false);
  }

  Tensor q;
  LayerKv own;
  LayerKv prefix;
  Tensor prefix_mask;
  Tensor causal;
};

TEST_P(PrefixedAttention, EqualsAttentionOverTheConcatenation) {
  const Tensor got = prefixed_attention(q, own, causal, prefix, prefix_mask);
  EXPECT_TRUE(test::close(got, over_concatenation(), 1e-5));
}

TEST_P(PrefixedAttention, HasTheGradientsOfAttentionOverTheConcatenation) {
  const Tensor weights = test::randn(q.sizes(), 6);
  const auto gradients = [&](const Tensor& out) {
    return torch::autograd::grad({(out * weights).sum()}, leaves());
  };
  const auto got = gradients(prefixed_attention(q, own, causal, prefix, prefix_mask));
  const auto wanted = gradients(over_concatenation());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(test::close(got[i], wanted[i], 1e-5)) << i;
}

TEST_P(PrefixedAttention, NeverReadsHiddenKeys) {
  const torch::NoGradGuard no_grad;
  const Tensor before = prefixed_attention(q, own, causal, prefix, prefix_mask);
  const Tensor hidden = prefix_mask.logical_not().view({prefix_mask.size(0), 1, -1, 1});
  const LayerKv changed{prefix.k.masked_fill(hidden, 1e4), prefix.v.masked_fill(hidden, -1e4)};
  EXPECT_TRUE(prefixed_attention(q, own, causal, changed, prefix_mask).equal(before));
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         PrefixedAttention,
                         ::testing::Values(PrefixedShape{1, 1, 1, 1, 3, 1},
                                           PrefixedShape{1, 4, 2, 2, 5, 3},
                                           PrefixedShape{3, 2, 6, 2, 7, 4},
                                           PrefixedShape{2, 3, 7, 1, 4, 1},
                                           PrefixedShape{4, 1, 4, 2, 6, 5}));

TEST(PrefixedAttentionShapes, RefuseRowsThatDoNotDivideAmongPrompts) {
  const LayerKv three{test::randn({3, 1, 2, 4}, 1), test::randn({3, 1, 2, 4}, 2)};
  const LayerKv two{test::randn({2, 1, 2, 4}, 3), test::randn({2, 1, 2, 4}, 4)};
  EXPECT_THROW(prefixed_attention(test::randn({3, 1, 2, 4}, 5),
                                  three,
                                  causal_mask(2, torch::kCPU).unsqueeze(0),
                                  two,
                                  torch::ones({2, 2}, torch::kBool)),
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
}  // namespace vragent::nn
