// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/decoding/decode_attention.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/decode_rows.h"
#include "support/tensor_matchers.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

struct DecodeShape {
  const char* name;
  std::vector<std::int64_t> prefixes;  ///< tokens of each group's prefix
  std::vector<std::int64_t> rows;      ///< of each group
  std::int64_t heads;
  std::int64_t kv_heads;
  std::int64_t width;
  std::int64_t longest_own = 0;  ///< tokens that rows have added before
};

class DecodeAttention : public ::testing::TestWithParam<DecodeShape> {
 protected:
  void SetUp() override {
    const DecodeShape& shape = GetParam();
    std::int64_t num_rows = 0;
    for (std::size_t g = 0; g < shape.prefixes.size(); ++g) {
      const std::vector<std::int64_t> sizes = {shape.prefixes[g], shape.kv_heads, shape.width};
      cache.groups.push_back(
          {{{test::randn(sizes, 10 + g), test::randn(sizes, 20 + g)}}, shape.rows[g]});
      num_rows += shape.rows[g];
    }
    for (std::int64_t row = 0; row < num_rows; ++row) {
      cache.slots.push_back((row * 3 + 1) % (num_rows * 3 + 1));  // scattered, none twice
      cache.lengths.push_back(shape.longest_own == 0 ? 0 : row * 7 % (shape.longest_own + 1));
    }
    const std::vector<std::int64_t> sizes = {
        num_rows * 3 + 1, shape.longest_own + 1, shape.kv_heads, shape.width};
    cache.own = {{test::randn(sizes, 3), test::randn(sizes, 4)}};
    q = test::randn({num_rows, shape.heads, shape.width}, 1);
    fresh = {test::randn({num_rows, shape.kv_heads, shape.width}, 2),
             test::randn({num_rows, shape.kv_heads, shape.width}, 5)};
  }

  static DecodeCache copy_of(const DecodeCache& cache, torch::Dtype dtype = torch::kFloat32) {
    DecodeCache copy = cache;
    for (auto& group : copy.groups)
      for (LayerKv& layer : group.prefix) layer = {layer.k.to(dtype), layer.v.to(dtype)};
    for (LayerKv& layer : copy.own) layer = {layer.k.to(dtype).clone(), layer.v.to(dtype).clone()};
    return copy;
  }

  DecodeCache cache;
  Tensor q;
  LayerKv fresh;
};

TEST_P(DecodeAttention, EqualsSoftmaxRowByRow) {
  DecodeCache changed = copy_of(cache);
  const Tensor got = decode_attention(q, fresh, changed, 0);
  EXPECT_TRUE(test::close(got.to(torch::kFloat64), test::attention_by_hand(q, fresh, cache), 2e-6));
  const auto row = static_cast<std::size_t>(q.size(0) - 1);
  EXPECT_TRUE(changed.own[0].k[cache.slots[row]][cache.lengths[row]].equal(fresh.k[-1]));
  EXPECT_TRUE(changed.own[0].v[cache.slots[row]][cache.lengths[row]].equal(fresh.v[-1]));
}

TEST_P(DecodeAttention, EqualsSoftmaxRowByRowInBfloat16) {
  const DecodeCache narrow = copy_of(cache, torch::kBFloat16);
  DecodeCache changed = copy_of(narrow, torch::kBFloat16);
  const LayerKv rows{fresh.k.to(torch::kBFloat16), fresh.v.to(torch::kBFloat16)};
  const Tensor queries = q.to(torch::kBFloat16);
  const Tensor got = decode_attention(queries, rows, changed, 0);
  EXPECT_TRUE(torch::allclose(
      got.to(torch::kFloat64), test::attention_by_hand(queries, rows, narrow), 1.0 / 128, 1e-5));
}

TEST_P(DecodeAttention, GivesSlotsTheSameNumbers) {
  test::SlotRows rows = test::slots_of(cache);
  const LayerKv spread{rows.spread(fresh.k), rows.spread(fresh.v)};
  const Tensor got =
      slot_attention(rows.spread(q), spread, rows.cache, 0).index_select(0, rows.slots);
  EXPECT_TRUE(test::close(got.to(torch::kFloat64), test::attention_by_hand(q, fresh, cache), 2e-6));
  const auto last = static_cast<std::size_t>(q.size(0) - 1);
  const LayerKv& own = rows.cache.own[0];
  EXPECT_TRUE(own.k[cache.slots[last]][cache.lengths[last]].equal(fresh.k[-1]));
  EXPECT_TRUE(own.v[cache.slots[last]][cache.lengths[last]].equal(fresh.v[-1]));
}

TEST_P(DecodeAttention, GivesSlotsTheSameNumbersInBfloat16) {
  const DecodeCache narrow = copy_of(cache, torch::kBFloat16);
  test::SlotRows rows = test::slots_of(narrow);
  const LayerKv few{fresh.k.to(torch::kBFloat16), fresh.v.to(torch::kBFloat16)};
  const LayerKv spread{rows.spread(few.k), rows.spread(few.v)};
  const Tensor queries = q.to(torch::kBFloat16);
  const Tensor got =
      slot_attention(rows.spread(queries), spread, rows.cache, 0).index_select(0, rows.slots);
  EXPECT_TRUE(torch::allclose(
      got.to(torch::kFloat64), test::attention_by_hand(queries, few, narrow), 1.0 / 128, 1e-5));
}

TEST_P(DecodeAttention, GivesARowTheSameNumbersAlone) {
  DecodeCache together = copy_of(cache);
  const Tensor all = decode_attention(q, fresh, together, 0);
  const DecodeCache whole = copy_of(cache);
  std::int64_t row = 0;
  for (const auto& group : whole.groups) {
    DecodeCache alone = copy_of(cache);
    alone.groups = {{group.prefix, 1}};
    alone.slots = {whole.slots[static_cast<std::size_t>(row)]};
    alone.lengths = {whole.lengths[static_cast<std::size_t>(row)]};
    const LayerKv one{fresh.k.narrow(0, row, 1), fresh.v.narrow(0, row, 1)};
    const Tensor got = decode_attention(q.narrow(0, row, 1), one, alone, 0);
    // Few queries and many take different paths through the keys.
    EXPECT_TRUE(test::close(got, all.narrow(0, row, 1), 1e-6));
    row += group.num_rows;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    DecodeAttention,
    ::testing::Values(DecodeShape{"one", {1}, {1}, 1, 1, 8},
                      DecodeShape{"many_rows", {70}, {40}, 3, 1, 64, 130},
                      DecodeShape{"pairs", {70, 20}, {3, 1}, 4, 2, 80},
                      DecodeShape{"groups", {5, 200, 64}, {1, 6, 3}, 6, 2, 32, 70},
                      DecodeShape{"odd_width", {33, 3}, {4, 5}, 4, 4, 20, 3},
                      DecodeShape{"seven_heads", {130, 9}, {2, 1}, 14, 2, 64, 5}),
    [](const auto& shape) { return std::string(shape.param.name); });

TEST(DecodeAttentionShapes, RefuseAFullSlotAndAnotherNumberOfRows) {
  const Tensor x = test::randn({1, 1, 4}, 1);
  DecodeCache cache{.groups = {{{{test::randn({2, 1, 4}, 2), test::randn({2, 1, 4}, 3)}}, 1}},
                    .own = {{test::randn({1, 3, 1, 4}, 4), test::randn({1, 3, 1, 4}, 5)}},
                    .slots = {0},
                    .lengths = {3}};
  EXPECT_THROW(decode_attention(x, {x, x}, cache, 0), c10::Error);
  cache.lengths = {0, 0};
  EXPECT_THROW(decode_attention(x, {x, x}, cache, 0), c10::Error);
}

}  // namespace
}  // namespace vragent::ops
