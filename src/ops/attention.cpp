// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/attention.h"

namespace vragent::ops {
namespace {

/// [B, Hkv, T, d] -> [B, H, T, d]: query head h reads key head h / (H / Hkv).
torch::Tensor repeat_heads(const torch::Tensor& x, std::int64_t heads) {
  if (x.size(1) == heads) return x;
  const std::int64_t times = heads / x.size(1);
  return x.unsqueeze(2)
      .expand({x.size(0), x.size(1), times, x.size(2), x.size(3)})
      .reshape({x.size(0), heads, x.size(2), x.size(3)});
}

}  // namespace

torch::Tensor attention(const torch::Tensor& q,
                        const LayerKv& kv,
                        const torch::Tensor& mask,
                        bool causal) {
  TORCH_CHECK(q.dim() == 4 && kv.k.dim() == 4 && q.size(1) % kv.k.size(1) == 0,
              "attention: q ",
              q.sizes(),
              " and k ",
              kv.k.sizes());
  const auto visible = mask.defined() ? std::optional<torch::Tensor>(mask) : std::nullopt;
  return at::scaled_dot_product_attention(
      q, repeat_heads(kv.k, q.size(1)), repeat_heads(kv.v, q.size(1)), visible, 0.0, causal);
}

torch::Tensor padded_heads(const torch::Tensor& x,
                           const torch::Tensor& slots,
                           std::int64_t rows,
                           std::int64_t length,
                           std::int64_t heads) {
  return torch::zeros({rows * length, x.size(1)}, x.options())
      .index_copy(0, slots, x)
      .view({rows, length, heads, -1})
      .transpose(1, 2);
}

torch::Tensor causal_mask(std::int64_t length, torch::Device device) {
  return torch::ones({length, length}, torch::TensorOptions(device).dtype(torch::kBool)).tril();
}

torch::Tensor length_mask(const torch::Tensor& lengths, std::int64_t longest) {
  return torch::arange(longest, lengths.options()).unsqueeze(0) < lengths.unsqueeze(1);
}

}  // namespace vragent::ops
