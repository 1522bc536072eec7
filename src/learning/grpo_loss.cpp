// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo_loss.h"

#include "vragent/util/config.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// Values where the mask holds, zero elsewhere: garbage behind an answer may be infinite, so no
/// product.
Tensor only(const Tensor& x, const Tensor& mask) {
  return torch::where(mask, x, torch::zeros_like(x));
}

Tensor aggregate(const Tensor& per_token, const GrpoBatch& batch, const std::string& kind) {
  const Tensor masked = only(per_token, batch.mask);
  const Tensor lengths = batch.mask.sum(1).clamp_min(1);
  if (kind == "bnpo") return masked.sum() / batch.mask.sum().clamp_min(1);
  if (kind == "dr_grpo")
    return masked.sum() / static_cast<double>(batch.mask.size(0) * batch.max_completion_length);
  return (masked.sum(1) / lengths).mean();
}

double token_share(const Tensor& hit, const Tensor& mask) {
  return hit.logical_and(mask).sum().item<double>() / std::max(1.0, mask.sum().item<double>());
}

}  // namespace

void GrpoLossConfig::check() const {
  check_range("clip-low", clip_low, 0, 1);
  check_range("clip-high", clip_high, 0, 1e6);
  check_range("kl-coef", kl_coef, 0, 1e6);
  check_one_of("aggregation", aggregation, {"grpo", "bnpo", "dr_grpo"});
}

GrpoLoss grpo_loss(const GrpoBatch& batch, const GrpoLossConfig& config) {
  TORCH_CHECK(batch.log_probs.dim() == 2 && batch.log_probs.sizes() == batch.mask.sizes() &&
                  batch.advantages.size(0) == batch.mask.size(0),
              "grpo_loss: log_probs ",
              batch.log_probs.sizes(),
              ", mask ",
              batch.mask.sizes(),
              ", advantages ",
              batch.advantages.sizes());
  const Tensor log_probs = only(batch.log_probs, batch.mask);
  const Tensor old = only(
      batch.old_log_probs.defined() ? batch.old_log_probs : batch.log_probs.detach(), batch.mask);
  const Tensor ratio = (log_probs - old).exp();
  const Tensor advantages = batch.advantages.unsqueeze(1);
  const Tensor clipped = ratio.clamp(1 - config.clip_low, 1 + config.clip_high);
  Tensor per_token = -torch::minimum(ratio * advantages, clipped * advantages);
  GrpoLoss result;
  if (config.kl_coef > 0) {
    const Tensor gap = only(batch.ref_log_probs, batch.mask) - log_probs;
    const Tensor k3 = gap.exp() - gap - 1;
    per_token = per_token + config.kl_coef * k3;
    result.kl = only(k3.detach(), batch.mask).sum().item<double>() /
                std::max(1.0, batch.mask.sum().item<double>());
  }
  result.loss = aggregate(per_token, batch, config.aggregation);
  result.clip_low_share =
      token_share((ratio < 1 - config.clip_low).logical_and(advantages < 0), batch.mask);
  result.clip_high_share =
      token_share((ratio > 1 + config.clip_high).logical_and(advantages > 0), batch.mask);
  return result;
}

}  // namespace vragent::learning
