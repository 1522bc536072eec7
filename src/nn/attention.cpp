// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/attention.h"

#include <cmath>
#include <limits>

namespace vragent::nn {
namespace {

/// [B, Hkv, T, d] -> [B, H, T, d]: query head h reads key head h / (H / Hkv).
torch::Tensor repeat_heads(const torch::Tensor& x, std::int64_t heads) {
  if (x.size(1) == heads) return x;
  const std::int64_t times = heads / x.size(1);
  return x.unsqueeze(2)
      .expand({x.size(0), x.size(1), times, x.size(2), x.size(3)})
      .reshape({x.size(0), heads, x.size(2), x.size(3)});
}

torch::Tensor hide(const torch::Tensor& scores, const torch::Tensor& visible) {
  return scores.masked_fill(visible.logical_not(), -std::numeric_limits<float>::infinity());
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

torch::Tensor prefixed_attention(const torch::Tensor& q,
                                 const LayerKv& own,
                                 const torch::Tensor& own_mask,
                                 const LayerKv& prefix,
                                 const torch::Tensor& prefix_mask) {
  const std::int64_t rows = q.size(0);
  const std::int64_t tokens = q.size(2);
  const std::int64_t width = q.size(3);
  const std::int64_t kv_heads = own.k.size(1);
  const std::int64_t times = q.size(1) / kv_heads;
  const std::int64_t prompts = prefix.k.size(0);
  TORCH_CHECK(
      rows % prompts == 0, "prefixed_attention: ", rows, " rows over ", prompts, " prompts");
  const std::int64_t group = rows / prompts;
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));

  // Heads that share keys become rows of one matrix, and so do the samples that share a prompt.
  const torch::Tensor grouped = (q * scale).reshape({rows, kv_heads, times * tokens, width});
  const torch::Tensor by_prompt = grouped.reshape({prompts, group, kv_heads, times * tokens, width})
                                      .transpose(1, 2)
                                      .reshape({prompts, kv_heads, group * times * tokens, width});
  const auto to_rows = [&](const torch::Tensor& x) {
    return x.reshape({prompts, kv_heads, group, times * tokens, x.size(3)})
        .transpose(1, 2)
        .reshape({rows, kv_heads, times * tokens, x.size(3)});
  };

  const torch::Tensor on_prefix = hide(torch::matmul(by_prompt, prefix.k.transpose(2, 3)),
                                       prefix_mask.view({prompts, 1, 1, -1}));
  const torch::Tensor own_scores =
      torch::matmul(grouped, own.k.transpose(2, 3)).reshape({rows, kv_heads, times, tokens, -1});
  const torch::Tensor on_own = hide(own_scores, own_mask.view({own_mask.size(0), 1, 1, tokens, -1}))
                                   .reshape({rows, kv_heads, times * tokens, -1});

  const torch::Tensor weights =
      torch::softmax(torch::cat({to_rows(on_prefix), on_own}, -1), -1, torch::kFloat32)
          .to(q.scalar_type());
  const auto parts = weights.split_with_sizes({prefix.k.size(2), own.k.size(2)}, -1);
  const torch::Tensor prefix_weights =
      parts[0]
          .reshape({prompts, group, kv_heads, times * tokens, -1})
          .transpose(1, 2)
          .reshape({prompts, kv_heads, group * times * tokens, -1});
  const torch::Tensor mixed =
      to_rows(torch::matmul(prefix_weights, prefix.v)) + torch::matmul(parts[1], own.v);
  return mixed.reshape({rows, kv_heads * times, tokens, width});
}

torch::Tensor causal_mask(std::int64_t length, torch::Device device) {
  return torch::ones({length, length}, torch::TensorOptions(device).dtype(torch::kBool)).tril();
}

torch::Tensor length_mask(const torch::Tensor& lengths, std::int64_t longest) {
  return torch::arange(longest, lengths.options()).unsqueeze(0) < lengths.unsqueeze(1);
}

}  // namespace vragent::nn
