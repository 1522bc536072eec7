// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/decoding/decode_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <ATen/Parallel.h>

#include "ops/kernels/cpu_decode_attention.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

constexpr std::int64_t kRowsOfATask = 8;

/// Some rows of one group, as the CPU kernel takes them.
struct RowShare {
  std::size_t group;
  std::int64_t first;
  std::int64_t count;
};

std::vector<RowShare> share_rows(const DecodeCache& cache) {
  std::vector<RowShare> shares;
  std::int64_t row = 0;
  for (std::size_t g = 0; g < cache.groups.size(); ++g) {
    const std::int64_t end = row + cache.groups[g].num_rows;
    for (; row < end; row += kRowsOfATask)
      shares.push_back({g, row, std::min(kRowsOfATask, end - row)});
    row = end;
  }
  return shares;
}

void check(const Tensor& q, const LayerKv& fresh, const DecodeCache& cache, std::size_t layer) {
  const std::int64_t rows =
      std::accumulate(cache.groups.begin(),
                      cache.groups.end(),
                      std::int64_t{0},
                      [](std::int64_t sum, const auto& g) { return sum + g.num_rows; });
  TORCH_CHECK(q.dim() == 3 && fresh.k.dim() == 3 && q.size(0) == rows && fresh.k.size(0) == rows &&
                  std::ssize(cache.slots) == rows && std::ssize(cache.lengths) == rows &&
                  q.size(1) % fresh.k.size(1) == 0,
              "decode_attention: q ",
              q.sizes(),
              ", k ",
              fresh.k.sizes(),
              " for ",
              rows,
              " rows");
  const std::int64_t capacity = cache.own.at(layer).k.size(1);
  for (const std::int64_t length : cache.lengths)
    TORCH_CHECK(length < capacity, "decode_attention: a row of ", length, " tokens is full");
}

template <class T>
Tensor run_on_cpu(const Tensor& q, const LayerKv& fresh, DecodeCache& cache, std::size_t layer) {
  LayerKv& own = cache.own[layer];
  const std::int64_t kv_heads = fresh.k.size(1);
  const std::int64_t row_size = kv_heads * fresh.k.size(2);
  const std::int64_t capacity = own.k.size(1);
  const auto pointer = [](const Tensor& x) { return static_cast<T*>(x.mutable_data_ptr()); };
  std::vector<std::int64_t> lengths;
  for (std::size_t row = 0; row < cache.slots.size(); ++row) {
    const std::int64_t to = (cache.slots[row] * capacity + cache.lengths[row]) * row_size;
    const std::int64_t from = static_cast<std::int64_t>(row) * row_size;
    const auto bytes = static_cast<std::size_t>(row_size) * sizeof(T);
    std::memcpy(pointer(own.k) + to, pointer(fresh.k) + from, bytes);
    std::memcpy(pointer(own.v) + to, pointer(fresh.v) + from, bytes);
    lengths.push_back(cache.lengths[row] + 1);
  }
  Tensor out = torch::empty_like(q);
  const std::vector<RowShare> shares = share_rows(cache);
  const std::int64_t row_queries = q.size(1) * q.size(2);
  at::parallel_for(0, std::ssize(shares) * kv_heads, 1, [&](auto begin, auto end) {
    for (auto task = begin; task < end; ++task) {
      const RowShare& share = shares[static_cast<std::size_t>(task / kv_heads)];
      const LayerKv& prefix = cache.groups[share.group].prefix[layer];
      cpu::run(cpu::DecodeAttention<T>{.q = pointer(q) + share.first * row_queries,
                                       .out = pointer(out) + share.first * row_queries,
                                       .prefix_k = pointer(prefix.k),
                                       .prefix_v = pointer(prefix.v),
                                       .own_k = pointer(own.k),
                                       .own_v = pointer(own.v),
                                       .slots = cache.slots.data() + share.first,
                                       .own_lengths = lengths.data() + share.first,
                                       .rows = share.count,
                                       .heads = q.size(1),
                                       .kv_heads = kv_heads,
                                       .width = q.size(2),
                                       .prefix_length = prefix.k.size(0),
                                       .capacity = capacity,
                                       .scale = static_cast<float>(
                                           1.0 / std::sqrt(static_cast<double>(q.size(2))))},
               task % kv_heads);
    }
  });
  return out;
}

}  // namespace

Tensor decode_attention(const Tensor& q,
                        const LayerKv& fresh,
                        DecodeCache& cache,
                        std::size_t layer) {
  check(q, fresh, cache, layer);
  const LayerKv rows{fresh.k.contiguous(), fresh.v.contiguous()};
  TORCH_CHECK(q.is_cpu(), "decode_attention: runs on a CPU, got ", q.device());
  if (q.scalar_type() == torch::kFloat32)
    return run_on_cpu<float>(q.contiguous(), rows, cache, layer);
  TORCH_CHECK(q.scalar_type() == torch::kBFloat16, "decode_attention: got ", q.scalar_type());
  return run_on_cpu<cpu::Bf16>(q.contiguous(), rows, cache, layer);
}

}  // namespace vragent::ops
