// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rows that are being decoded: their attention in double precision, and the same rows as slots.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "vragent/ops/decoding/decode_attention.h"
#include "vragent/ops/decoding/slot_attention.h"

namespace vragent::test {

/// Row by row in double precision: [R, H, d].
inline torch::Tensor attention_by_hand(const torch::Tensor& q,
                                       const ops::LayerKv& fresh,
                                       const ops::DecodeCache& cache) {
  const auto all_of =
      [](const torch::Tensor& prefix, const torch::Tensor& own, const torch::Tensor& last) {
        return torch::cat({prefix, own, last.unsqueeze(0)}).to(torch::kFloat64).transpose(0, 1);
      };
  std::vector<torch::Tensor> rows;
  std::int64_t row = 0;
  for (const auto& group : cache.groups) {
    for (std::int64_t i = 0; i < group.num_rows; ++i, ++row) {
      const auto at = static_cast<std::size_t>(row);
      const auto own = [&](const torch::Tensor& x) {
        return x[cache.slots[at]].narrow(0, 0, cache.lengths[at]);
      };
      const torch::Tensor k = all_of(group.prefix[0].k, own(cache.own[0].k), fresh.k[row]);
      const torch::Tensor v = all_of(group.prefix[0].v, own(cache.own[0].v), fresh.v[row]);
      const torch::Tensor queries = q[row].to(torch::kFloat64).unflatten(0, {k.size(0), -1});
      const torch::Tensor scores =
          torch::matmul(queries, k.transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(2)));
      rows.push_back(torch::matmul(torch::softmax(scores, -1), v).flatten(0, 1));
    }
  }
  return torch::stack(rows);
}

/// A row's slot among slots of which most are free, its group among groups of which one is free.
struct SlotRows {
  torch::Tensor slots;  ///< [R]
  std::int64_t num_slots;
  ops::SlotCache cache;

  [[nodiscard]] torch::Tensor spread(const torch::Tensor& rows) const {
    torch::Tensor all = torch::full({num_slots, rows.size(1), rows.size(2)}, 0.5, rows.options());
    return all.index_copy_(0, slots, rows);
  }
};

inline SlotRows slots_of(const ops::DecodeCache& rows) {
  const auto num_slots = rows.own[0].k.size(0);
  const auto num_groups = std::ssize(rows.groups) + 1;
  std::int64_t most = 0;
  for (const auto& group : rows.groups) most = std::max(most, group.num_rows);
  SlotRows made{.slots = torch::tensor(rows.slots), .num_slots = num_slots};
  ops::SlotCache& cache = made.cache;
  cache.own = {{rows.own[0].k.clone(), rows.own[0].v.clone()}};
  cache.lengths = torch::zeros({num_slots}, torch::kInt64);
  cache.lengths.index_copy_(0, made.slots, torch::tensor(rows.lengths));
  cache.starts = torch::zeros({num_groups}, torch::kInt64);
  cache.prefix_lengths = torch::ones({num_groups}, torch::kInt64);
  cache.slot_of_place = torch::zeros({num_groups * most}, torch::kInt64);
  cache.place_of_slot = torch::zeros({num_slots}, torch::kInt64);
  // The last group's prefix lies in front, and tokens of nobody between them.
  std::vector<torch::Tensor> k;
  std::vector<torch::Tensor> v;
  std::int64_t begin = 0;
  std::int64_t row = std::ssize(rows.slots);
  for (std::int64_t g = num_groups - 2; g >= 0; --g) {
    const auto& group = rows.groups[static_cast<std::size_t>(g)];
    const torch::Tensor gap = torch::full_like(group.prefix[0].k.narrow(0, 0, 1), 9);
    k.insert(k.end(), {group.prefix[0].k, gap});
    v.insert(v.end(), {group.prefix[0].v, gap});
    const std::int64_t length = group.prefix[0].k.size(0);
    cache.starts[g + 1] = begin;  // the first group is the free one
    cache.prefix_lengths[g + 1] = length;
    begin += length + 1;
    cache.longest_prefix = std::max(cache.longest_prefix, length);
    for (std::int64_t i = group.num_rows - 1; i >= 0; --i) {
      const std::int64_t slot = rows.slots[static_cast<std::size_t>(--row)];
      cache.slot_of_place[(g + 1) * most + i] = slot;
      cache.place_of_slot[slot] = (g + 1) * most + i;
    }
  }
  cache.prefixes = {{torch::cat(k), torch::cat(v)}};
  return made;
}

}  // namespace vragent::test
