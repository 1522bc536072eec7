// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/decoding/slot_attention.h"

#include <cmath>
#include <limits>

#include "vragent/ops/determinism.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

/// Some sequences of queries over stretches of one array of keys and values.
struct Stretches {
  Tensor queries;  ///< int32 [B + 1] first query of each
  Tensor starts;   ///< int64 [B] of its keys
  Tensor lengths;  ///< int64 [B]
  std::int64_t longest = 0;
};

struct Attended {
  Tensor out;  ///< [B, T, Hkv, d]
  Tensor lse;  ///< [B, T, Hkv]
};

double scale_of(const Tensor& q) {
  return 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
}

/// In tensor operations: gathers each stretch, as long as the longest.
Attended attend_plain(const Tensor& q, const LayerKv& keys, const Stretches& where) {
  const auto wide = q.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const Tensor columns = torch::arange(where.longest, where.starts.options());
  const Tensor hidden = columns.unsqueeze(0) >= where.lengths.unsqueeze(1);  // [B, L]
  const Tensor tokens = (where.starts.unsqueeze(1) + columns).masked_fill(hidden, 0).flatten();
  const auto gathered = [&](const Tensor& x) {  // [B, Hkv, L, d]
    return x.index_select(0, tokens)
        .to(wide)
        .unflatten(0, {hidden.size(0), where.longest})
        .transpose(1, 2);
  };
  const Tensor scores =
      torch::matmul(q.transpose(1, 2).to(wide) * scale_of(q), gathered(keys.k).transpose(2, 3))
          .masked_fill(hidden.unsqueeze(1).unsqueeze(1), -std::numeric_limits<double>::infinity());
  return {torch::matmul(torch::softmax(scores, -1), gathered(keys.v)).transpose(1, 2),
          torch::logsumexp(scores, -1).transpose(1, 2)};
}

/// CUDA's attention over sequences of different lengths. A query row stands for one head that reads
/// a key head, so both have the same number of heads.
Attended attend_fused(const Tensor& q, const LayerKv& keys, const Stretches& where) {
  const std::int64_t count = q.size(0) * q.size(1);
  const Tensor starts =
      torch::constant_pad_nd(where.starts, {0, 1}).to(torch::kInt32);  // the last is not read
  const auto result = at::_flash_attention_forward(q.reshape({count, q.size(2), q.size(3)}),
                                                   keys.k,
                                                   keys.v,
                                                   where.queries,
                                                   starts,
                                                   q.size(1),
                                                   where.longest,
                                                   /*dropout_p=*/0.0,
                                                   /*is_causal=*/false,
                                                   /*return_debug_mask=*/false,
                                                   scale_of(q),
                                                   std::nullopt,
                                                   std::nullopt,
                                                   where.lengths.to(torch::kInt32));
  const Tensor& lse = std::get<1>(result);
  TORCH_CHECK(lse.dim() == 2 && lse.size(0) == q.size(2) && lse.size(1) == count,
              "slot_attention: log sums of shape ",
              lse.sizes());
  return {std::get<0>(result).view(q.sizes()),
          lse.transpose(0, 1).reshape({q.size(0), q.size(1), q.size(2)})};
}

Attended attend(const Tensor& q, const LayerKv& keys, const Stretches& where, bool may_fuse) {
  constexpr std::int64_t kWidestFused = 256;
  const bool fuses = may_fuse && q.is_cuda() && q.scalar_type() == torch::kBFloat16 &&
                     q.size(3) % 8 == 0 && q.size(3) <= kWidestFused;
  return fuses ? attend_fused(q, keys, where) : attend_plain(q, keys, where);
}

void begin_step(SlotCache& cache, std::int64_t times, std::int64_t capacity) {
  const auto wide = cache.lengths.options();
  const auto narrow = wide.dtype(torch::kInt32);
  const std::int64_t slots = cache.lengths.size(0);
  const std::int64_t groups = cache.starts.size(0);
  const std::int64_t of_group = cache.slot_of_place.size(0) / groups * times;
  cache.step.own_starts = torch::arange(slots, wide) * capacity;
  cache.step.new_places = cache.step.own_starts + cache.lengths;
  cache.step.own_lengths = cache.lengths + 1;
  cache.step.own_queries = torch::arange(slots + 1, narrow) * times;
  cache.step.prefix_queries = torch::arange(groups + 1, narrow) * of_group;
}

/// Writes rows to places that are all different: any order gives the same bits, so the slower
/// deterministic twin is not wanted.
void write_rows(const Tensor& into, const Tensor& places, const Tensor& rows) {
  const DeterministicAlgorithms any(false);
  into.index_copy_(0, places, rows);
}

}  // namespace

Tensor slot_attention(const Tensor& q, const LayerKv& fresh, SlotCache& cache, std::size_t layer) {
  const LayerKv& own = cache.own.at(layer);
  const std::int64_t slots = own.k.size(0);
  const std::int64_t capacity = own.k.size(1);
  TORCH_CHECK(q.dim() == 3 && fresh.k.dim() == 3 && q.size(0) == slots &&
                  fresh.k.size(0) == slots && q.size(1) % fresh.k.size(1) == 0,
              "slot_attention: q ",
              q.sizes(),
              ", k ",
              fresh.k.sizes(),
              " for ",
              slots,
              " slots");
  const std::int64_t kv_heads = fresh.k.size(1);
  const std::int64_t times = q.size(1) / kv_heads;
  const std::int64_t groups = cache.starts.size(0);
  if (layer == 0) begin_step(cache, times, capacity);
  const SlotCache::Step& step = cache.step;
  const LayerKv flat{own.k.flatten(0, 1), own.v.flatten(0, 1)};
  write_rows(flat.k, step.new_places, fresh.k);
  write_rows(flat.v, step.new_places, fresh.v);

  const Tensor queries = q.unflatten(1, {kv_heads, times}).transpose(1, 2).contiguous();
  const Attended mine = attend(queries,
                               flat,
                               {.queries = step.own_queries,
                                .starts = step.own_starts,
                                .lengths = step.own_lengths,
                                .longest = capacity},
                               cache.may_fuse);
  const Tensor by_group = queries.index_select(0, cache.slot_of_place)
                              .view({groups, -1, kv_heads, q.size(2)});  // [G, n * times, Hkv, d]
  const Attended shared = attend(by_group,
                                 cache.prefixes.at(layer),
                                 {.queries = step.prefix_queries,
                                  .starts = cache.starts,
                                  .lengths = cache.prefix_lengths,
                                  .longest = cache.longest_prefix},
                                 cache.may_fuse);
  const auto of_slots = [&](const Tensor& x) {
    return x.flatten(0, 1).unflatten(0, {-1, times}).index_select(0, cache.place_of_slot);
  };
  // Softmax over both parts: each weighs as the sum of its exponentials.
  const Tensor share = torch::sigmoid(mine.lse - of_slots(shared.lse)).unsqueeze(-1);
  const Tensor from_prefix = of_slots(shared.out).to(share.scalar_type());
  return torch::lerp(from_prefix, mine.out.to(share.scalar_type()), share)
      .transpose(1, 2)
      .flatten(1, 2)
      .to(q.scalar_type());
}

}  // namespace vragent::ops
