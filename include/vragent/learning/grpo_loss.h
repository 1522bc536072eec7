// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The GRPO objective: clipped probability ratio times advantage, minus the divergence from the
// reference policy (DeepSeekMath Eq. 3 and 4; aggregation as TRL's loss_type; `grpo.md` 1.1).
#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

namespace vragent::learning {

struct GrpoLossConfig {
  double clip_low = 0.2;  // paper gives none; 0.2 in the release
  double clip_high = 0.2;
  double kl_coef = 0.001;  // paper: 0.001
  std::string aggregation = "grpo";

  void visit(auto& v) {
    v("clip-low", clip_low, "the probability ratio is not rewarded below 1 - this");
    v("clip-high", clip_high, "nor above 1 + this");
    v("kl-coef",
      kl_coef,
      "weight of the divergence from the reference policy; 0 needs no reference");
    v("aggregation",
      aggregation,
      "grpo: mean over answers of their token means; bnpo: mean over tokens; dr_grpo: sum over "
      "tokens / (answers * max-tokens)");
  }

  void check() const;
};

/// One row an answer; columns behind its end are masked.
struct GrpoBatch {
  torch::Tensor log_probs;  ///< [B, C], of the policy that learns
  torch::Tensor
      old_log_probs;  ///< [B, C], of the policy that sampled; undefined: equal to log_probs
  torch::Tensor ref_log_probs;  ///< [B, C], of the reference; undefined without a divergence
  torch::Tensor mask;           ///< bool [B, C]
  torch::Tensor advantages;     ///< [B]
  std::int64_t max_completion_length = 0;  ///< for dr_grpo
};

struct GrpoLoss {
  torch::Tensor loss;  ///< scalar
  double kl = 0;       ///< token mean of k3 = exp(ref - new) - (ref - new) - 1
  double clip_low_share =
      0;  ///< share of tokens with ratio < 1 - clip_low and a negative advantage
  double clip_high_share =
      0;  ///< share of tokens with ratio > 1 + clip_high and a positive advantage
};

/// @throws std::logic_error through TORCH_CHECK when shapes do not fit
GrpoLoss grpo_loss(const GrpoBatch& batch, const GrpoLossConfig& config);

}  // namespace vragent::learning
