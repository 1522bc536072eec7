// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/decode_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
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

/// Zeros behind the end of each prefix: [G, longest, Hkv, d].
LayerKv side_by_side(const DecodeCache& cache, std::int64_t longest, std::size_t layer) {
  const Tensor& like = cache.groups.front().prefix[layer].k;
  const auto num_groups = std::ssize(cache.groups);
  const std::vector<std::int64_t> shape = {num_groups, longest, like.size(1), like.size(2)};
  LayerKv all{torch::zeros(shape, like.options()), torch::zeros(shape, like.options())};
  for (std::int64_t g = 0; g < num_groups; ++g) {
    const LayerKv& prefix = cache.groups[static_cast<std::size_t>(g)].prefix[layer];
    all.k[g].narrow(0, 0, prefix.k.size(0)).copy_(prefix.k);
    all.v[g].narrow(0, 0, prefix.v.size(0)).copy_(prefix.v);
  }
  return all;
}

/// [size, width]: whether column c lies at or behind ends[row].
Tensor behind(const Tensor& ends, std::int64_t width) {
  const Tensor columns =
      torch::arange(width, torch::TensorOptions(ends.device()).dtype(torch::kInt64));
  return columns.unsqueeze(0) >= ends.unsqueeze(1);
}

void lay_prefixes_out(DecodeCache& cache, torch::Device device) {
  DecodeCache::Batched& batched = cache.batched;
  std::vector<Tensor> groups;
  std::vector<std::int64_t> lengths;
  for (const DecodeCache::Group& group : cache.groups) {
    groups.push_back(group.prefix.front().k);
    lengths.push_back(groups.back().size(0));
  }
  // The tensors themselves are kept: an address alone could be another group's by now.
  if (std::ranges::equal(
          groups, batched.groups, [](const Tensor& a, const Tensor& b) { return a.is_same(b); }))
    return;
  batched.groups = std::move(groups);
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  batched.prefix_hidden = behind(torch::tensor(lengths).to(device), longest);
  batched.prefix.clear();  // the old ones go before the new ones come
  for (std::size_t layer = 0; layer < cache.own.size(); ++layer)
    batched.prefix.push_back(side_by_side(cache, longest, layer));
}

/// What a step's layers share.
void begin_step(DecodeCache& cache, torch::Device device) {
  lay_prefixes_out(cache, device);
  DecodeCache::Batched& batched = cache.batched;
  batched.most_rows = 0;
  for (const auto& group : cache.groups)
    batched.most_rows = std::max(batched.most_rows, group.num_rows);
  std::vector<std::int64_t> places;
  for (std::size_t g = 0; g < cache.groups.size(); ++g) {
    for (std::int64_t row = 0; row < cache.groups[g].num_rows; ++row)
      places.push_back(static_cast<std::int64_t>(g) * batched.most_rows + row);
  }
  batched.slots = torch::tensor(cache.slots).to(device);
  batched.lengths = torch::tensor(cache.lengths).to(device);
  batched.places = torch::tensor(places).to(device);
  const std::int64_t longest = *std::max_element(cache.lengths.begin(), cache.lengths.end()) + 1;
  batched.own_hidden = behind(batched.lengths + 1, longest);
}

/// Rows of all groups as one matrix a group and key head: [R, Hkv, n, x] -> [G, Hkv, rows * n, x].
Tensor to_groups(const Tensor& rows, const DecodeCache::Batched& batched) {
  const auto num_groups = std::ssize(batched.groups);
  Tensor all = torch::zeros(
      {num_groups * batched.most_rows, rows.size(1), rows.size(2), rows.size(3)}, rows.options());
  all.index_copy_(0, batched.places, rows);
  return all.unflatten(0, {num_groups, batched.most_rows}).transpose(1, 2).flatten(2, 3);
}

/// The reverse of to_groups().
Tensor to_rows(const Tensor& groups, std::int64_t per_row, const DecodeCache::Batched& batched) {
  return groups.unflatten(2, {batched.most_rows, per_row})
      .transpose(1, 2)
      .flatten(0, 1)
      .index_select(0, batched.places);
}

/// [.., T, Hkv, d] -> [.., Hkv, T, d] in fp32.
Tensor by_head(const Tensor& x) {
  return x.transpose(1, 2).to(torch::kFloat32);
}

Tensor hide(const Tensor& scores, const Tensor& hidden) {
  return scores.masked_fill(hidden.unsqueeze(1).unsqueeze(1),
                            -std::numeric_limits<double>::infinity());
}

}  // namespace

Tensor decode_attention_batched(const Tensor& q,
                                const LayerKv& fresh,
                                DecodeCache& cache,
                                std::size_t layer) {
  check(q, fresh, cache, layer);
  if (layer == 0) begin_step(cache, q.device());
  const DecodeCache::Batched& batched = cache.batched;
  LayerKv& own = cache.own[layer];
  own.k.index_put_({batched.slots, batched.lengths}, fresh.k);
  own.v.index_put_({batched.slots, batched.lengths}, fresh.v);
  const std::int64_t kv_heads = fresh.k.size(1);
  const std::int64_t times = q.size(1) / kv_heads;
  const std::int64_t own_size = batched.own_hidden.size(1);
  const auto mine = [&](const Tensor& x) {
    return by_head(x.narrow(1, 0, own_size).index_select(0, batched.slots));
  };
  const LayerKv& prefix = batched.prefix[layer];
  const Tensor queries = q.to(torch::kFloat32).unflatten(1, {kv_heads, times}) *
                         (1.0 / std::sqrt(static_cast<double>(q.size(2))));  // [R, Hkv, times, d]
  const Tensor of_prefix =
      hide(torch::matmul(to_groups(queries, batched), by_head(prefix.k).transpose(2, 3)),
           batched.prefix_hidden);
  const Tensor of_own =
      hide(torch::matmul(queries, mine(own.k).transpose(2, 3)), batched.own_hidden);
  const Tensor weights =
      torch::softmax(torch::cat({to_rows(of_prefix, times, batched), of_own}, -1), -1);
  const std::int64_t prefix_size = prefix.k.size(1);
  const Tensor from_prefix =
      torch::matmul(to_groups(weights.narrow(-1, 0, prefix_size), batched), by_head(prefix.v));
  const Tensor from_own = torch::matmul(weights.narrow(-1, prefix_size, own_size), mine(own.v));
  return (to_rows(from_prefix, times, batched) + from_own).flatten(1, 2).to(q.scalar_type());
}

Tensor decode_attention(const Tensor& q,
                        const LayerKv& fresh,
                        DecodeCache& cache,
                        std::size_t layer) {
  check(q, fresh, cache, layer);
  const LayerKv rows{fresh.k.contiguous(), fresh.v.contiguous()};
  if (q.is_cpu() && q.scalar_type() == torch::kFloat32)
    return run_on_cpu<float>(q.contiguous(), rows, cache, layer);
  if (q.is_cpu() && q.scalar_type() == torch::kBFloat16)
    return run_on_cpu<cpu::Bf16>(q.contiguous(), rows, cache, layer);
  return decode_attention_batched(q, rows, cache, layer);
}

}  // namespace vragent::ops
