// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/grpo_loss.h"

#include <algorithm>

#include "vragent/util/config.h"
#include "vragent/util/error.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// Values where the mask holds, zero elsewhere: garbage behind an answer may be infinite, so no
/// product.
Tensor only(const Tensor& x, const Tensor& mask) {
  return torch::where(mask, x, torch::zeros_like(x));
}

bool is_sequence_level(const GrpoLossConfig& config) {
  return config.type == "gspo" || config.importance_level == "sequence";
}

/// Names of one aggregation, TRL's first.
bool is_sequence_mean(const std::string& type) {
  return type == "grpo" || type == "gspo" || type == "seq-mean-token-mean";
}

bool is_global_token_mean(const std::string& type) {
  return type == "dapo" || type == "cispo" || type == "token-mean";
}

Tensor aggregate(const Tensor& per_token, const GrpoBatch& batch, const std::string& type) {
  const Tensor masked = only(per_token, batch.mask);
  const Tensor lengths = batch.mask.sum(1).to(masked.scalar_type());
  if (is_sequence_mean(type)) {
    if (type != "seq-mean-token-mean") return (masked.sum(1) / lengths.clamp_min(1)).mean();
    // verl leaves answers without tokens out of the count, and divides by a little more.
    return (masked.sum(1) / (lengths + 1e-8)).sum() / (lengths > 0).sum().clamp_min(1);
  }
  if (is_global_token_mean(type) && batch.total_tokens > 0)
    return masked.sum() / batch.total_tokens;
  if (is_global_token_mean(type) || type == "bnpo")
    return masked.sum() / batch.mask.sum().clamp_min(1);
  if (type == "seq-mean-token-sum") return masked.sum(1).mean();
  const auto longest = static_cast<double>(batch.max_completion_length);
  if (type == "seq-mean-token-sum-norm") return masked.sum() / longest;
  return masked.sum() / (static_cast<double>(batch.mask.size(0)) * longest);  // dr_grpo
}

bool is_of_verl(const std::string& type) {
  return type == "token-mean" || type.starts_with("seq-mean-");
}

/// verl keeps logarithms of ratios within +- 20 before it takes their exponentials.
Tensor bounded(const Tensor& gap, const GrpoLossConfig& config) {
  return is_of_verl(config.type) ? gap.clamp(-20, 20) : gap;
}

double token_mean(const Tensor& x, const Tensor& mask) {
  return only(x, mask).sum().item<double>() / std::max(1.0, mask.sum().item<double>());
}

double token_share(const Tensor& hit, const Tensor& mask) {
  return token_mean(hit.to(torch::kFloat64), mask);
}

/// log(new / old) a token, or the mean over an answer's tokens as one column (GSPO).
Tensor log_ratio(const Tensor& log_probs,
                 const Tensor& old,
                 const GrpoBatch& batch,
                 const GrpoLossConfig& config) {
  const Tensor gap = bounded(log_probs - old, config);
  if (!is_sequence_level(config)) return gap;
  return gap.sum(1, /*keepdim=*/true) / batch.mask.sum(1, /*keepdim=*/true).clamp_min(1);
}

Tensor policy_term(const Tensor& ratio,
                   const Tensor& log_probs,
                   const Tensor& advantages,
                   const GrpoLossConfig& config) {
  if (config.type == "cispo")
    return -ratio.detach().clamp_max(config.clip_high) * advantages * log_probs;
  const Tensor clipped = ratio.clamp(1 - config.clip_low, 1 + config.clip_high);
  const Tensor free = config.delta > 0 ? ratio.clamp_max(config.delta) : ratio;
  const Tensor term = -torch::minimum(free * advantages, clipped * advantages);
  if (config.dual_clip <= 0) return term;
  return torch::where(advantages < 0, torch::minimum(term, -config.dual_clip * advantages), term);
}

/// Divergence from the reference a token (Schulman, "Approximating KL divergence").
Tensor divergence(const Tensor& log_probs, const Tensor& ref, const GrpoLossConfig& config) {
  const Tensor whole = ref - log_probs;
  const Tensor gap = config.kl_estimator == "k3" ? bounded(whole, config) : whole;
  Tensor kl = gap.exp() - gap - 1;
  if (config.kl_estimator == "k1") kl = -gap;
  if (config.kl_estimator == "k2") kl = gap.square() / 2;
  return config.kl_clamp > 0 ? kl.clamp(-config.kl_clamp, config.kl_clamp) : kl;
}

/// exp(trainer - sampler) a token, or of the sum over an answer's tokens; no gradient.
Tensor correction_weights(const Tensor& old, const GrpoBatch& batch, const GrpoLossConfig& config) {
  const Tensor gap =
      (old - only(batch.sampler_log_probs.to(old.scalar_type()), batch.mask)).detach();
  const bool sequence = config.correction.starts_with("sequence");
  const Tensor weights = (sequence ? gap.sum(1, /*keepdim=*/true).expand_as(gap) : gap).exp();
  if (config.correction.ends_with("truncate")) return weights.clamp_max(config.correction_cap);
  return torch::where(weights > config.correction_cap, torch::zeros_like(weights), weights);
}

void check_shapes(const GrpoBatch& batch) {
  TORCH_CHECK(batch.log_probs.dim() == 2 && batch.log_probs.sizes() == batch.mask.sizes() &&
                  batch.advantages.size(0) == batch.mask.size(0),
              "grpo_loss: log_probs ",
              batch.log_probs.sizes(),
              ", mask ",
              batch.mask.sizes(),
              ", advantages ",
              batch.advantages.sizes());
}

}  // namespace

void GrpoLossConfig::check() const {
  check_one_of("type",
               type,
               {"grpo",
                "bnpo",
                "dapo",
                "dr_grpo",
                "gspo",
                "cispo",
                "token-mean",
                "seq-mean-token-mean",
                "seq-mean-token-sum",
                "seq-mean-token-sum-norm"});
  check_one_of("importance-level", importance_level, {"token", "sequence"});
  check_range("clip-low", clip_low, 0, 1);
  check_range("clip-high", clip_high, 0, 1e6);
  check_range("delta", delta, 0, 1e6);
  if (delta > 0 && delta <= 1 + clip_high)
    throw ConfigError("--loss.delta must be above 1 + --loss.clip-high, or 0");
  check_range("dual-clip", dual_clip, 0, 1e6);
  if (dual_clip > 0 && dual_clip <= 1) throw ConfigError("--loss.dual-clip must be above 1, or 0");
  check_range("kl-coef", kl_coef, 0, 1e6);
  check_one_of("kl-estimator", kl_estimator, {"k1", "k2", "k3"});
  check_range("kl-clamp", kl_clamp, 0, 1e6);
  check_range("entropy-coef", entropy_coef, -1e6, 1e6);
  check_one_of("correction",
               correction,
               {"none", "token-truncate", "token-mask", "sequence-truncate", "sequence-mask"});
  check_range("correction-cap", correction_cap, 1e-6, 1e6);
}

GrpoLoss grpo_loss(const GrpoBatch& batch, const GrpoLossConfig& config) {
  check_shapes(batch);
  const Tensor log_probs = only(batch.log_probs, batch.mask);
  const Tensor old = only(
      batch.old_log_probs.defined() ? batch.old_log_probs : batch.log_probs.detach(), batch.mask);
  const Tensor ratio = log_ratio(log_probs, old, batch, config).exp();
  const Tensor advantages = batch.advantages.unsqueeze(1);
  Tensor per_token = policy_term(ratio, log_probs, advantages, config).expand_as(batch.mask);
  GrpoLoss result;
  if (config.correction != "none") {
    const Tensor weights = correction_weights(old, batch, config);
    per_token = per_token * weights;
    const Tensor seen = weights.masked_select(batch.mask);
    if (seen.numel() > 0) {
      result.correction_mean = seen.mean().item<double>();
      result.correction_least = seen.min().item<double>();
      result.correction_most = seen.max().item<double>();
    }
  }
  if (config.kl_coef > 0) {  // neither clipped nor corrected
    Tensor kl = divergence(log_probs, only(batch.ref_log_probs, batch.mask), config);
    if (config.kl_by_ratio) kl = kl * ratio;
    per_token = per_token + config.kl_coef * kl;
    result.kl = token_mean(kl.detach(), batch.mask);
  }
  const bool bonus_apart = !is_of_verl(config.type) && config.type != "bnpo";
  if (config.entropy_coef != 0 && !bonus_apart)
    per_token = per_token - config.entropy_coef * batch.entropy;
  result.loss = aggregate(per_token, batch, config.type);
  if (config.entropy_coef != 0 && bonus_apart)
    result.bonus = config.entropy_coef * aggregate(batch.entropy, batch, "token-mean");
  const Tensor spread = ratio.detach().expand_as(batch.mask);
  result.clip_low_share =
      token_share((spread < 1 - config.clip_low).logical_and(advantages < 0), batch.mask);
  result.clip_high_share =
      token_share((spread > 1 + config.clip_high).logical_and(advantages > 0), batch.mask);
  return result;
}

Tensor GrpoLoss::part_of_update(double share) const {
  return bonus.defined() ? loss * share - bonus : loss * share;
}

std::int64_t counted_rows(const GrpoLossConfig& config, const Tensor& mask) {
  if (config.type != "seq-mean-token-mean") return mask.size(0);
  return mask.any(1).sum().item<std::int64_t>();
}

double micro_batch_share(const GrpoLossConfig& config,
                         std::int64_t rows,
                         std::int64_t all_rows,
                         std::int64_t num_parts) {
  if (is_global_token_mean(config.type)) return 1;  // divided by the tokens of the update already
  if (config.type == "bnpo") return 1.0 / static_cast<double>(num_parts);
  if (config.type == "seq-mean-token-sum-norm") return 1;
  return static_cast<double>(rows) / static_cast<double>(std::max<std::int64_t>(all_rows, 1));
}

}  // namespace vragent::learning
