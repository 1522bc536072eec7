// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/packed_attention.h"

#include <algorithm>
#include <numeric>

#include <torch/csrc/autograd/custom_function.h>

#include "ops/attention_part.h"
#include "ops/tiled_attention.h"

namespace vragent::ops {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// A bucket takes shorter sequences down to this share of its longest one.
constexpr double kShortestShare = 0.75;

/// The sum over the query heads that read each key head: [B, H, T, d] -> [B, Hkv, T, d].
Tensor sum_heads(const Tensor& x, std::int64_t kv_heads) {
  if (x.size(1) == kv_heads) return x;
  return x.reshape({x.size(0), kv_heads, x.size(1) / kv_heads, x.size(2), x.size(3)}).sum(2);
}

/// The slots of a bucket, [N, h, d] -> [R, h, T, d].
Tensor take(const Tensor& x, const Packing::Bucket& bucket) {
  const std::int64_t slots = bucket.rows * bucket.columns;
  const Tensor rows =
      bucket.slots.defined() ? x.index_select(0, bucket.slots) : x.narrow(0, bucket.begin, slots);
  return rows.view({bucket.rows, bucket.columns, x.size(1), x.size(2)}).transpose(1, 2);
}

/// As take(), with zeros in the slots behind the ends.
Tensor take_with_zeros(const Tensor& x, const Packing::Bucket& bucket) {
  if (!bucket.slots.defined()) return take(x, bucket);
  Tensor rows = torch::zeros({bucket.rows * bucket.columns, x.size(1), x.size(2)}, x.options());
  rows.index_copy_(0, bucket.filled, x.index_select(0, bucket.tokens));
  return rows.view({bucket.rows, bucket.columns, x.size(1), x.size(2)}).transpose(1, 2);
}

/// Writes the filled slots of [R, h, T, ...] to their tokens in [N, h, ...].
void put(Tensor& into, const Tensor& slots, const Packing::Bucket& bucket) {
  const Tensor rows = slots.transpose(1, 2).flatten(0, 1);
  if (bucket.slots.defined()) {
    into.index_copy_(0, bucket.tokens, rows.index_select(0, bucket.filled));
  } else {
    into.narrow(0, bucket.begin, bucket.rows * bucket.columns).copy_(rows);
  }
}

/// The tokens of a branch with the heads that share keys as rows of one matrix:
/// [M, H, ...] -> [1, Hkv, (H / Hkv) * M, ...].
Tensor fold(const Tensor& x, std::int64_t kv_heads) {
  const Tensor split = x.unflatten(1, {kv_heads, x.size(1) / kv_heads});  // [M, Hkv, times, ...]
  return split.movedim(0, 2).flatten(1, 2).unsqueeze(0);
}

/// The reverse of fold().
Tensor unfold(const Tensor& x, std::int64_t tokens) {
  return x.squeeze(0).unflatten(1, {x.size(2) / tokens, tokens}).movedim(2, 0).flatten(1, 2);
}

/// The keys or values of a root, [N, Hkv, d] -> [1, Hkv, Tp, d].
Tensor of_root(const Tensor& x, const Packing::Branch& branch) {
  return x.narrow(0, branch.root_begin, branch.root_length).transpose(0, 1).unsqueeze(0);
}

/// Merges a second part into out [M, H, d] and lse [M, H].
void merge(Tensor out, Tensor lse, const Tensor& other, const Tensor& other_lse) {
  const Tensor both = torch::logaddexp(lse, other_lse);
  const Tensor own_share = torch::exp(lse - both).unsqueeze(-1);
  const Tensor other_share = torch::exp(other_lse - both).unsqueeze(-1);
  out.copy_(out * own_share + other * other_share);
  lse.copy_(both);
}

/// Keeps a packing between forward and backward.
struct HeldPacking : torch::CustomClassHolder {
  explicit HeldPacking(const Packing& kept) : packing(kept) {}

  Packing packing;
};

struct PackedAttention : torch::autograd::Function<PackedAttention> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& q,
                        const Tensor& k,
                        const Tensor& v,
                        const Packing& packing) {
    context->saved_data["packing"] =
        torch::IValue::make_capsule(c10::make_intrusive<HeldPacking>(packing));
    if (fits_tiles(q, {k, v})) {
      const TiledAttention made = tiled_attention(q, {k, v}, packing);
      context->save_for_backward({q, k, v, made.out, made.lse});
      return made.out;
    }
    const std::int64_t heads = q.size(1);
    const auto wide = q.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
    Tensor out = torch::empty_like(q);
    Tensor lse = torch::empty({q.size(0), heads}, q.options().dtype(wide));
    for (const Packing::Bucket& bucket : packing.buckets) {
      const AttentionPart part = attention_part(take(q, bucket),
                                                repeat_heads(take(k, bucket), heads),
                                                repeat_heads(take(v, bucket), heads),
                                                packing.causal);
      put(out, part.out, bucket);
      put(lse, part.lse, bucket);
    }
    for (const Packing::Branch& branch : packing.branches) {
      const auto mine = [&](const Tensor& x) { return x.narrow(0, branch.begin, branch.length); };
      const AttentionPart part = attention_part(
          fold(mine(q), k.size(1)), of_root(k, branch), of_root(v, branch), /*causal=*/false);
      merge(mine(out), mine(lse), unfold(part.out, branch.length), unfold(part.lse, branch.length));
    }
    context->save_for_backward({q, k, v, out, lse});
    return out;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto held = context->saved_data["packing"].toCapsule();
    const Packing& packing = static_cast<const HeldPacking&>(*held).packing;
    const Tensor& q = saved[0];
    const Tensor& k = saved[1];
    const Tensor& v = saved[2];
    if (fits_tiles(q, {k, v})) {
      const TiledGradients all =
          tiled_attention_backward(gradients[0], q, {k, v}, {saved[3], saved[4]}, packing);
      return {all.q, all.k, all.v, Tensor()};
    }
    const AttentionPart whole{saved[3], saved[4]};
    const Tensor grad = gradients[0].contiguous();
    const std::int64_t heads = q.size(1);
    const std::int64_t kv_heads = k.size(1);
    AttentionGradients all{torch::empty_like(q), torch::empty_like(k), torch::empty_like(v)};
    for (const Packing::Bucket& bucket : packing.buckets) {
      const AttentionGradients part = attention_part_backward(
          take_with_zeros(grad, bucket),
          take(q, bucket),
          repeat_heads(take(k, bucket), heads),
          repeat_heads(take(v, bucket), heads),
          {take(whole.out, bucket), take(whole.lse.unsqueeze(-1), bucket).squeeze(-1)},
          packing.causal);
      put(all.q, part.q, bucket);
      put(all.k, sum_heads(part.k, kv_heads), bucket);
      put(all.v, sum_heads(part.v, kv_heads), bucket);
    }
    for (const Packing::Branch& branch : packing.branches) {
      const auto mine = [&](const Tensor& x) { return x.narrow(0, branch.begin, branch.length); };
      const AttentionGradients part = attention_part_backward(
          fold(mine(grad), kv_heads),
          fold(mine(q), kv_heads),
          of_root(k, branch),
          of_root(v, branch),
          {fold(mine(whole.out), kv_heads), fold(mine(whole.lse), kv_heads)},
          /*causal=*/false);
      mine(all.q).add_(unfold(part.q, branch.length));
      of_root(all.k, branch).add_(part.k);
      of_root(all.v, branch).add_(part.v);
    }
    return {all.q, all.k, all.v, Tensor()};
  }
};

/// Sequences of one bucket, longest first.
Packing::Bucket make_bucket(const Packing& packing,
                            const std::vector<std::size_t>& members,
                            torch::Device device) {
  Packing::Bucket bucket{.rows = std::ssize(members), .columns = packing.lengths[members.front()]};
  bucket.begin = packing.begins[members.front()];
  bool is_run = true;
  for (std::size_t row = 0; row < members.size(); ++row) {
    const std::int64_t expected = bucket.begin + static_cast<std::int64_t>(row) * bucket.columns;
    is_run = is_run && packing.lengths[members[row]] == bucket.columns &&
             packing.begins[members[row]] == expected;
  }
  if (is_run) return bucket;
  std::vector<std::int64_t> slots;
  std::vector<std::int64_t> filled;
  std::vector<std::int64_t> tokens;
  for (const std::size_t member : members) {
    const std::int64_t begin = packing.begins[member];
    for (std::int64_t column = 0; column < bucket.columns; ++column) {
      const bool is_token = column < packing.lengths[member];
      if (is_token) {
        filled.push_back(std::ssize(slots));
        tokens.push_back(begin + column);
      }
      slots.push_back(is_token ? begin + column : begin);  // what stands behind an end is unseen
    }
  }
  bucket.slots = torch::tensor(slots).to(device);
  bucket.filled = torch::tensor(filled).to(device);
  bucket.tokens = torch::tensor(tokens).to(device);
  return bucket;
}

void add_buckets(Packing& packing, torch::Device device) {
  std::vector<std::size_t> order(packing.lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return packing.lengths[a] > packing.lengths[b];
  });
  std::vector<std::size_t> members;
  for (const std::size_t index : order) {
    const std::int64_t length = packing.lengths[index];
    if (length == 0) break;
    // Pads are hidden by causality alone.
    const std::int64_t longest = members.empty() ? length : packing.lengths[members.front()];
    const bool fits =
        length == longest || (packing.causal && static_cast<double>(length) >=
                                                    kShortestShare * static_cast<double>(longest));
    if (!fits) {
      packing.buckets.push_back(make_bucket(packing, members, device));
      members.clear();
    }
    members.push_back(index);
  }
  if (!members.empty()) packing.buckets.push_back(make_bucket(packing, members, device));
}

void add_branches(Packing& packing, const std::vector<std::int64_t>& roots) {
  std::int64_t last_root = -1;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const std::int64_t root = roots[i];
    if (root < 0 || packing.lengths[i] == 0) continue;
    TORCH_CHECK(root < std::ssize(roots) && roots[static_cast<std::size_t>(root)] < 0,
                "pack: sequence ",
                i,
                " branches off ",
                root,
                ", which is no root");
    const auto of_root = static_cast<std::size_t>(root);
    if (packing.lengths[of_root] == 0) continue;
    const bool goes_on =
        root == last_root &&
        packing.branches.back().begin + packing.branches.back().length == packing.begins[i];
    if (goes_on) {
      packing.branches.back().length += packing.lengths[i];
    } else {
      packing.branches.push_back({packing.begins[of_root],
                                  packing.lengths[of_root],
                                  packing.begins[i],
                                  packing.lengths[i]});
    }
    last_root = root;
  }
}

}  // namespace

Packing pack(const std::vector<std::int64_t>& lengths,
             torch::Device device,
             const std::vector<std::int64_t>& roots,
             bool causal) {
  TORCH_CHECK(roots.empty() || roots.size() == lengths.size(), "pack: one root a sequence");
  Packing packing{.causal = causal, .lengths = lengths};
  for (const std::int64_t length : lengths) {
    TORCH_CHECK(length >= 0, "pack: length ", length);
    packing.begins.push_back(packing.num_tokens);
    packing.num_tokens += length;
  }
  packing.first_positions.assign(lengths.size(), 0);
  for (std::size_t i = 0; i < roots.size(); ++i) {
    if (roots[i] >= 0) packing.first_positions[i] = lengths.at(static_cast<std::size_t>(roots[i]));
  }
  add_buckets(packing, device);
  add_branches(packing, roots);
  return packing;
}

Tensor packed_positions(const Packing& packing, torch::Device device) {
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(packing.num_tokens));
  for (std::size_t i = 0; i < packing.lengths.size(); ++i) {
    for (std::int64_t t = 0; t < packing.lengths[i]; ++t)
      positions.push_back(packing.first_positions[i] + t);
  }
  return torch::tensor(positions, torch::kInt64).to(device);
}

Tensor packed_attention(const Tensor& q, const LayerKv& kv, const Packing& packing) {
  TORCH_CHECK(q.dim() == 3 && kv.k.dim() == 3 && kv.k.sizes() == kv.v.sizes() &&
                  q.size(0) == packing.num_tokens && kv.k.size(0) == packing.num_tokens &&
                  q.size(1) % kv.k.size(1) == 0 && q.size(2) == kv.k.size(2),
              "packed_attention: q ",
              q.sizes(),
              ", k ",
              kv.k.sizes(),
              ", v ",
              kv.v.sizes(),
              " for ",
              packing.num_tokens,
              " tokens");
  return PackedAttention::apply(q, kv.k, kv.v, packing);
}

Tensor continued_attention(const Tensor& q, const LayerKv& kv, const LayerKv& earlier) {
  TORCH_CHECK(q.dim() == 3 && q.size(0) == kv.k.size(0) && earlier.k.size(1) == kv.k.size(1) &&
                  earlier.k.size(2) == q.size(2),
              "continued_attention: q ",
              q.sizes(),
              ", k ",
              kv.k.sizes(),
              ", earlier ",
              earlier.k.sizes());
  const auto rows = [&](const Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };
  const AttentionPart own = attention_part(rows(q),
                                           repeat_heads(rows(kv.k), q.size(1)),
                                           repeat_heads(rows(kv.v), q.size(1)),
                                           /*causal=*/true);
  Tensor out = own.out.squeeze(0).transpose(0, 1).contiguous();
  Tensor lse = own.lse.squeeze(0).transpose(0, 1).contiguous();
  const AttentionPart part =
      attention_part(fold(q, kv.k.size(1)), rows(earlier.k), rows(earlier.v), /*causal=*/false);
  merge(out, lse, unfold(part.out, q.size(0)), unfold(part.lse, q.size(0)));
  return out;
}

}  // namespace vragent::ops
