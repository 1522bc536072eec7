// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Objectives of the GRPO family over sampled answers: clipped probability ratio times advantage,
// plus the divergence from a reference policy (DeepSeekMath Eq. 3 and 4; DAPO, Dr. GRPO, GSPO,
// CISPO; TRL's and verl's forms, `grpo.md` 1.1 and 1.2).
#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

namespace vragent::learning {

struct GrpoLossConfig {
  std::string type = "grpo";
  std::string importance_level = "token";
  double clip_low = 0.2;  // paper gives none; 0.2 in the release
  double clip_high = 0.2;
  double delta = 0;
  double dual_clip = 0;
  double kl_coef = 0.001;  // paper: 0.001
  std::string kl_estimator = "k3";
  double kl_clamp = 0;
  bool kl_by_ratio = false;
  double entropy_coef = 0;
  bool mask_truncated = false;
  std::string correction = "none";
  double correction_cap = 3.0;

  void visit(auto& v) {
    v("type",
      type,
      "grpo: mean over answers of their token means; bnpo: mean over the tokens of a micro-batch; "
      "dapo: over those of the whole update; dr_grpo: token sum / (answers * max-tokens); gspo: "
      "grpo with one ratio an answer; cispo: dapo with the clipped ratio as a weight; or verl's "
      "token-mean, seq-mean-token-mean, seq-mean-token-sum, seq-mean-token-sum-norm");
    v("importance-level", importance_level, "probability ratio of each token, or of a sequence");
    v("clip-low", clip_low, "the probability ratio is not rewarded below 1 - this");
    v("clip-high",
      clip_high,
      "nor above 1 + this (DAPO's clip-higher: 0.28); for cispo the largest ratio itself");
    v("delta", delta, "largest ratio of the unclipped term, above 1 + clip-high; 0 is off");
    v("dual-clip", dual_clip, "with a negative advantage, largest ratio of all; 0 is off");
    v("kl-coef",
      kl_coef,
      "weight of the divergence from the reference policy; 0 needs no reference");
    v("kl-estimator", kl_estimator, "k1, k2 or k3, a token");
    v("kl-clamp", kl_clamp, "the divergence of a token stays within +- this; 0 is off");
    v("kl-by-ratio",
      kl_by_ratio,
      "times the probability ratio, gradient included (DeepSeek-V3.2; TRL's default)");
    v("entropy-coef",
      entropy_coef,
      "weight of an entropy bonus: the mean over the update's tokens; with bnpo and verl's types "
      "averaged as the loss is");
    v("mask-truncated", mask_truncated, "answers that ran into max-tokens teach nothing");
    v("correction",
      correction,
      "weights for what the sampler's numbers differ from the trainer's: none, token-truncate, "
      "token-mask, sequence-truncate or sequence-mask");
    v("correction-cap", correction_cap, "largest such weight; above it: cut, or masked out");
  }

  /// @throws ConfigError
  void check() const;
};

/// One row an answer; columns behind its end are masked.
struct GrpoBatch {
  torch::Tensor log_probs;  ///< [B, C], of the policy that learns
  torch::Tensor entropy;    ///< [B, C] of its distributions, with gradient; for the bonus
  torch::Tensor
      old_log_probs;  ///< [B, C], of the policy that sampled; undefined: equal to log_probs
  torch::Tensor ref_log_probs;      ///< [B, C], of the reference; undefined without a divergence
  torch::Tensor sampler_log_probs;  ///< [B, C], as the sampler computed them; for the correction
  torch::Tensor mask;               ///< bool [B, C]
  torch::Tensor advantages;         ///< [B]
  std::int64_t max_completion_length = 0;  ///< for dr_grpo and verl's norm
  double total_tokens = 0;  ///< unmasked tokens of the update, for dapo and a bonus apart; 0: those
                            ///< of the batch
};

struct GrpoLoss {
  torch::Tensor loss;   ///< scalar, without `bonus`
  torch::Tensor bonus;  ///< scalar share of the entropy bonus of the update; undefined without one
  double kl = 0;        ///< token mean of the divergence
  double clip_low_share =
      0;  ///< share of tokens with ratio < 1 - clip_low and a negative advantage
  double clip_high_share =
      0;  ///< share of tokens with ratio > 1 + clip_high and a positive advantage
  double correction_mean = 1;  ///< weights of the correction, after cutting or masking
  double correction_least = 1;
  double correction_most = 1;

  /// What this micro-batch adds to the loss of its update. @param share micro_batch_share()
  [[nodiscard]] torch::Tensor part_of_update(double share) const;
};

/// @throws std::logic_error through TORCH_CHECK when shapes do not fit
GrpoLoss grpo_loss(const GrpoBatch& batch, const GrpoLossConfig& config);

/// Answers that the mean of this type counts: all, but verl's seq-mean-token-mean leaves out those
/// without tokens. @param mask bool [B, C]
std::int64_t counted_rows(const GrpoLossConfig& config, const torch::Tensor& mask);

/// The factor by which the loss of one of several micro-batches is multiplied so that their sum is
/// the loss of the update: what each type divides by (`grpo.md` 1.1, "Aggregation").
/// @param rows counted_rows() of the micro-batch, all_rows of the update; num_parts micro-batches
/// of the update
double micro_batch_share(const GrpoLossConfig& config,
                         std::int64_t rows,
                         std::int64_t all_rows,
                         std::int64_t num_parts);

}  // namespace vragent::learning
