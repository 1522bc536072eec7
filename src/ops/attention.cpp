// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/attention.h"

#include "ops/attention_part.h"

namespace vragent::ops {

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
