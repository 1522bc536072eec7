// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/attention_part.h"

#include <cmath>
#include <limits>

#include "vragent/ops/determinism.h"

namespace vragent::ops {
namespace {

using torch::Tensor;

double scale_of(const Tensor& q) {
  return 1.0 / std::sqrt(static_cast<double>(q.size(3)));
}

torch::Dtype wide_dtype(const Tensor& x) {
  return x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
}

/// Scores in a wide dtype, -inf where a causal query may not look.
Tensor scores_of(const Tensor& q, const Tensor& k, bool causal) {
  const auto wide = wide_dtype(q);
  const Tensor scores = torch::matmul(q.to(wide), k.to(wide).transpose(2, 3)) * scale_of(q);
  if (!causal) return scores;
  const Tensor later = torch::ones({q.size(2), k.size(2)}, scores.options().dtype(torch::kBool));
  return scores.masked_fill(later.triu(1), -std::numeric_limits<double>::infinity());
}

bool is_fused_on_cuda(const Tensor& q) {
  return q.is_cuda() && q.scalar_type() == torch::kBFloat16;
}

}  // namespace

Tensor repeat_heads(const Tensor& x, std::int64_t heads) {
  return x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
}

AttentionPart attention_part_plain(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  const Tensor scores = scores_of(q, k, causal);
  const Tensor lse = torch::logsumexp(scores, -1);
  const Tensor weights = torch::exp(scores - lse.unsqueeze(-1));
  return {torch::matmul(weights, v.to(weights.scalar_type())).to(q.scalar_type()), lse};
}

AttentionGradients attention_part_plain_backward(const Tensor& grad,
                                                 const Tensor& q,
                                                 const Tensor& k,
                                                 const Tensor& v,
                                                 const AttentionPart& whole,
                                                 bool causal) {
  const auto wide = wide_dtype(q);
  const Tensor weights = torch::exp(scores_of(q, k, causal) - whole.lse.unsqueeze(-1));
  const Tensor g = grad.to(wide);
  const Tensor along = (g * whole.out.to(wide)).sum(-1, /*keepdim=*/true);
  const Tensor d_scores =
      weights * (torch::matmul(g, v.to(wide).transpose(2, 3)) - along) * scale_of(q);
  return {torch::matmul(d_scores, k.to(wide)).to(q.scalar_type()),
          torch::matmul(d_scores.transpose(2, 3), q.to(wide)).to(k.scalar_type()),
          torch::matmul(weights.transpose(2, 3), g).to(v.scalar_type())};
}

AttentionPart attention_part(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  if (q.is_cpu()) {
    const auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal);
    return {out, lse};
  }
  if (is_fused_on_cuda(q)) {
    const auto result = at::_scaled_dot_product_flash_attention(q, k, v, 0.0, causal);
    return {std::get<0>(result), std::get<1>(result)};
  }
  return attention_part_plain(q, k, v, causal);
}

AttentionGradients attention_part_backward(const Tensor& grad,
                                           const Tensor& q,
                                           const Tensor& k,
                                           const Tensor& v,
                                           const AttentionPart& whole,
                                           bool causal) {
  if (q.is_cpu()) {
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        grad, q, k, v, whole.out, whole.lse, 0.0, causal);
    return {dq, dk, dv};
  }
  if (is_fused_on_cuda(q)) {
    const DeterministicAlgorithms fixed_order(true);  // the order in which gradients are added
    const Tensor lse = whole.lse.contiguous();        // its strides are not looked at
    const Tensor none;
    const Tensor no_philox =
        torch::zeros({}, torch::TensorOptions(q.device()).dtype(torch::kInt64));
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(grad,
                                                                               q,
                                                                               k,
                                                                               v,
                                                                               whole.out,
                                                                               lse,
                                                                               none,
                                                                               none,
                                                                               q.size(2),
                                                                               k.size(2),
                                                                               0.0,
                                                                               causal,
                                                                               no_philox,
                                                                               no_philox);
    return {dq, dk, dv};
  }
  return attention_part_plain_backward(grad, q, k, v, whole, causal);
}

}  // namespace vragent::ops
