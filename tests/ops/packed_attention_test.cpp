// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/packed_attention.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "ops/attention_part.h"
#include "support/tensor_matchers.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

struct PackedCase {
  const char* name;
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> roots;
  bool causal = true;
  std::int64_t heads = 4;
  std::int64_t kv_heads = 2;
  std::int64_t width = 8;
};

class PackedAttentionOver : public ::testing::TestWithParam<PackedCase> {
 protected:
  void SetUp() override {
    const PackedCase& wanted = GetParam();
    packing = pack(wanted.lengths, torch::kCPU, wanted.roots, wanted.causal);
    const auto leaf = [&](std::int64_t heads, std::uint64_t seed) {
      return test::randn({packing.num_tokens, heads, wanted.width}, seed)
          .to(torch::kFloat64)
          .requires_grad_();
    };
    q = leaf(wanted.heads, 1);
    kv = {leaf(wanted.kv_heads, 2), leaf(wanted.kv_heads, 3)};
  }

  /// Each sequence alone: the keys of its root put in front of its own, heads repeated.
  [[nodiscard]] Tensor one_by_one() const {
    const PackedCase& wanted = GetParam();
    std::vector<Tensor> rows;
    for (std::size_t i = 0; i < wanted.lengths.size(); ++i) {
      const auto cut = [&](const Tensor& x, std::size_t index) {
        return x.narrow(0, packing.begins[index], wanted.lengths[index]);
      };
      const std::int64_t root = wanted.roots.empty() ? -1 : wanted.roots[i];
      const auto seen = [&](const Tensor& x) {
        const Tensor own = cut(x, i);
        const Tensor all =
            root < 0 ? own : torch::cat({cut(x, static_cast<std::size_t>(root)), own});
        return all.repeat_interleave(wanted.heads / wanted.kv_heads, 1).transpose(0, 1);
      };
      const Tensor k = seen(kv.k);
      const std::int64_t in_front = k.size(1) - wanted.lengths[i];
      Tensor scores = torch::matmul(cut(q, i).transpose(0, 1), k.transpose(1, 2)) /
                      std::sqrt(static_cast<double>(wanted.width));
      if (wanted.causal) {
        const Tensor visible =
            torch::ones({wanted.lengths[i], k.size(1)}, torch::kBool).tril(in_front);
        scores = scores.masked_fill(visible.logical_not(), -1e30);
      }
      rows.push_back(torch::matmul(torch::softmax(scores, -1), seen(kv.v)).transpose(0, 1));
    }
    return torch::cat(rows);
  }

  Packing packing;
  Tensor q;
  LayerKv kv;
};

TEST_P(PackedAttentionOver, EqualsEachSequenceAlone) {
  EXPECT_TRUE(test::close(packed_attention(q, kv, packing), one_by_one(), 1e-12));
}

TEST_P(PackedAttentionOver, HasTheGradientsOfEachSequenceAlone) {
  const Tensor weights = test::randn(q.sizes(), 6).to(torch::kFloat64);
  const auto gradients = [&](const Tensor& out) {
    return torch::autograd::grad({(out * weights).sum()}, {q, kv.k, kv.v});
  };
  const auto got = gradients(packed_attention(q, kv, packing));
  const auto wanted = gradients(one_by_one());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(test::close(got[i], wanted[i], 1e-12)) << "q, k, v: " << i;
}

TEST_P(PackedAttentionOver, StaysNearInSinglePrecisionAndInBfloat16) {
  const torch::NoGradGuard no_grad;
  const Tensor wanted = one_by_one();
  for (const auto& [dtype, tolerance] :
       {std::pair{torch::kFloat32, 1e-5}, {torch::kBFloat16, 4e-2}}) {
    const Tensor got = packed_attention(q.to(dtype), {kv.k.to(dtype), kv.v.to(dtype)}, packing);
    EXPECT_EQ(got.scalar_type(), dtype);
    EXPECT_TRUE(test::close(got.to(torch::kFloat64), wanted, tolerance));
  }
}

TEST_P(PackedAttentionOver, HasGradientsNearThoseOfDoublePrecisionInBfloat16) {
  const Tensor weights = test::randn(q.sizes(), 6).to(torch::kBFloat16).to(torch::kFloat64);
  const auto gradients = [&](const Tensor& out, const std::vector<Tensor>& inputs) {
    return torch::autograd::grad({(out.to(torch::kFloat64) * weights).sum()}, inputs);
  };
  std::vector<Tensor> narrow;
  for (Tensor* x : {&q, &kv.k, &kv.v}) {
    narrow.push_back(x->detach().to(torch::kBFloat16).requires_grad_());
    *x = narrow.back().detach().to(torch::kFloat64).requires_grad_();
  }
  const auto wanted = gradients(one_by_one(), {q, kv.k, kv.v});
  const auto got = gradients(packed_attention(narrow[0], {narrow[1], narrow[2]}, packing), narrow);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double bound = 0.02 * wanted[i].abs().max().item<double>();
    EXPECT_TRUE(test::close(got[i].to(torch::kFloat64), wanted[i], bound)) << "q, k, v: " << i;
  }
}

TEST(PackedAttentionInTiles, TakesKeysBesideOtherHeads) {
  const Packing packing = pack({70, 30}, torch::kCPU, {-1, 0});
  const Tensor all = test::randn({100, 8, 32}, 1).to(torch::kBFloat16);
  const Tensor q = all.narrow(1, 0, 4);
  const LayerKv kv{all.narrow(1, 4, 2), all.narrow(1, 6, 2)};
  const Tensor got = packed_attention(q, kv, packing);
  const Tensor dense =
      packed_attention(q.contiguous(), {kv.k.contiguous(), kv.v.contiguous()}, packing);
  EXPECT_TRUE(got.equal(dense));
}

INSTANTIATE_TEST_SUITE_P(
    Layouts,
    PackedAttentionOver,
    ::testing::Values(PackedCase{"one", {5}, {}},
                      PackedCase{"equal", {4, 4, 4}, {}},
                      PackedCase{"ragged", {7, 1, 6, 3, 7}, {}},
                      PackedCase{"windows", {4, 2, 4, 4, 1}, {}, false},
                      PackedCase{"branches", {6, 3, 5, 4, 2, 2}, {-1, 0, 0, -1, 3, 3}},
                      PackedCase{"roots_first", {6, 4, 3, 5, 2, 2}, {-1, -1, 0, 0, 1, 1}},
                      PackedCase{"empty_branch", {6, 0, 5, 3}, {-1, 0, 0, 0}},
                      PackedCase{"empty_root", {0, 5, 3, 4}, {-1, 0, 0, -1}},
                      PackedCase{"many_heads", {5, 4, 4}, {-1, 0, 0}, true, 6, 1},
                      PackedCase{"as_many_heads", {5, 4, 4}, {-1, 0, 0}, true, 3, 3},
                      PackedCase{"tiles", {300, 70, 1, 64}, {-1, 0, 0, -1}, true, 6, 2, 32},
                      PackedCase{"tiles_of_one_head", {65, 129, 3}, {-1, 0, 0}, true, 2, 2, 64},
                      PackedCase{"empty_root_of_tiles", {0, 65, 3}, {-1, 0, 0}, true, 2, 1, 32},
                      PackedCase{"windows_in_tiles", {70, 257, 64}, {}, false, 7, 1, 64}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(Packing, PutsSequencesOfLikeLengthIntoOneBucket) {
  const Packing packing = pack({9, 3, 10, 8, 3}, torch::kCPU);
  ASSERT_EQ(packing.buckets.size(), 2U);
  EXPECT_EQ(packing.buckets[0].rows, 3);
  EXPECT_EQ(packing.buckets[0].columns, 10);
  EXPECT_EQ(packing.buckets[1].rows, 2);
  EXPECT_EQ(packing.buckets[1].columns, 3);
}

TEST(Packing, PadsNothingWhereTokensSeeTheWholeSequence) {
  for (const Packing::Bucket& bucket : pack({9, 3, 10, 8, 3}, torch::kCPU, {}, false).buckets)
    EXPECT_EQ(bucket.filled.defined() ? bucket.filled.size(0) : bucket.rows * bucket.columns,
              bucket.rows * bucket.columns);
}

TEST(Packing, CountsPositionsOnFromTheRoot) {
  const Packing packing = pack({3, 2, 1, 2}, torch::kCPU, {-1, 0, 0, -1});
  EXPECT_TRUE(packed_positions(packing, torch::kCPU)
                  .equal(torch::tensor({0, 1, 2, 3, 4, 3, 0, 1}, torch::kInt64)));
}

TEST(Packing, RefusesBranchesOffBranches) {
  EXPECT_THROW(pack({3, 2, 1}, torch::kCPU, {-1, 0, 1}), c10::Error);
  EXPECT_THROW(pack({3, 2}, torch::kCPU, {-1}), c10::Error);
}

TEST(PackedAttentionShapes, RefuseAnotherNumberOfTokens) {
  const Tensor x = test::randn({4, 2, 8}, 1);
  EXPECT_THROW(packed_attention(x, {x, x}, pack({3}, torch::kCPU)), c10::Error);
}

TEST(AttentionPart, OfTheFusedKernelEqualsItsPlainTwin) {
  const Tensor q = test::randn({2, 3, 5, 16}, 1);
  const Tensor k = test::randn({2, 3, 5, 16}, 2);
  const Tensor v = test::randn({2, 3, 5, 16}, 3);
  const Tensor grad = test::randn({2, 3, 5, 16}, 4);
  for (const bool causal : {false, true}) {
    const AttentionPart fused = attention_part(q, k, v, causal);
    const AttentionPart plain = attention_part_plain(q, k, v, causal);
    EXPECT_TRUE(test::close(fused.out, plain.out, 1e-5));
    EXPECT_TRUE(test::close(fused.lse, plain.lse, 1e-5));
    const auto a = attention_part_backward(grad, q, k, v, fused, causal);
    const auto b = attention_part_plain_backward(grad, q, k, v, plain, causal);
    EXPECT_TRUE(test::close(a.q, b.q, 1e-5));
    EXPECT_TRUE(test::close(a.k, b.k, 1e-5));
    EXPECT_TRUE(test::close(a.v, b.v, 1e-5));
  }
}

}  // namespace
}  // namespace vragent::ops
