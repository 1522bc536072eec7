// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <numeric>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "support/decode_rows.h"
#include "support/device.h"
#include "support/tensor_matchers.h"
#include "vragent/ops/packed_attention.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

class AttentionOnDevice : public ::testing::TestWithParam<torch::Dtype> {
 protected:
  /// Largest difference from double precision, relative to the largest number.
  static void expect_near(const Tensor& got, const Tensor& wanted) {
    const double bound = GetParam() == torch::kFloat32 ? 1e-5 : 2e-2;
    const double scale = wanted.abs().max().item<double>();
    EXPECT_LE((got.cpu().to(torch::kFloat64) - wanted).abs().max().item<double>(), bound * scale);
  }

  /// Rounded to the dtype, so that double precision starts from the same numbers.
  static Tensor rounded(const std::vector<std::int64_t>& sizes, std::uint64_t seed) {
    return test::randn(sizes, seed).to(GetParam());
  }
};

TEST_P(AttentionOnDevice, OfPackedSequencesAndBranchesHasTheGradientsOfDoublePrecision) {
  const std::vector<std::int64_t> lengths = {70, 9, 5, 33, 1, 12};
  const std::vector<std::int64_t> roots = {-1, 0, 0, -1, 3, 3};
  const std::int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  const Tensor weights = rounded({tokens, 6, 64}, 4);
  const auto run = [&](torch::Dtype dtype, torch::Device device) {
    const auto leaf = [&](std::int64_t heads, std::uint64_t seed) {
      return rounded({tokens, heads, 64}, seed).to(dtype).to(device).detach().requires_grad_();
    };
    const Tensor q = leaf(6, 1);
    const LayerKv kv{leaf(2, 2), leaf(2, 3)};
    const Tensor out = packed_attention(q, kv, pack(lengths, device, roots));
    std::vector<Tensor> all =
        torch::autograd::grad({(out * weights.to(dtype).to(device)).sum()}, {q, kv.k, kv.v});
    all.push_back(out.detach());
    return all;
  };
  const std::vector<Tensor> wanted = run(torch::kFloat64, torch::kCPU);
  const std::vector<Tensor> got = run(GetParam(), test::device());
  for (std::size_t i = 0; i < got.size(); ++i) expect_near(got[i], wanted[i]);
  const std::vector<Tensor> again = run(GetParam(), test::device());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].equal(again[i])) << i;
}

TEST_P(AttentionOnDevice, OfSlotsIsThatOfDoublePrecision) {
  DecodeCache rows;
  const std::vector<std::int64_t> prefixes = {3, 130, 64};
  const std::vector<std::int64_t> num_rows = {1, 7, 3};
  for (std::size_t g = 0; g < prefixes.size(); ++g)
    rows.groups.push_back(
        {{{rounded({prefixes[g], 2, 64}, 10 + g), rounded({prefixes[g], 2, 64}, 20 + g)}},
         num_rows[g]});
  for (std::int64_t row = 0; row < 11; ++row) {
    rows.slots.push_back(row * 2 % 23);
    rows.lengths.push_back(row * 7 % 40);
  }
  rows.own = {{rounded({23, 40, 2, 64}, 3), rounded({23, 40, 2, 64}, 4)}};
  const Tensor q = rounded({11, 6, 64}, 1);
  const LayerKv fresh{rounded({11, 2, 64}, 2), rounded({11, 2, 64}, 5)};
  const Tensor wanted = test::attention_by_hand(q, fresh, rows);

  test::SlotRows slots = test::slots_of(rows);
  SlotCache& cache = slots.cache;
  for (Tensor* tensor : {&cache.starts,
                         &cache.prefix_lengths,
                         &cache.slot_of_place,
                         &cache.place_of_slot,
                         &cache.lengths,
                         &cache.prefixes[0].k,
                         &cache.prefixes[0].v,
                         &cache.own[0].k,
                         &cache.own[0].v})
    *tensor = tensor->to(test::device());
  const auto spread = [&](const Tensor& x) { return slots.spread(x).to(test::device()); };
  const Tensor got = slot_attention(spread(q), {spread(fresh.k), spread(fresh.v)}, cache, 0).cpu();
  expect_near(got.index_select(0, slots.slots), wanted);
}

INSTANTIATE_TEST_SUITE_P(Dtypes,
                         AttentionOnDevice,
                         ::testing::Values(torch::kFloat32, torch::kBFloat16),
                         [](const auto& dtype) { return std::string(toString(dtype.param)); });

}  // namespace
}  // namespace vragent::ops
