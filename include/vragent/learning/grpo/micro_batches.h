// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A rollout in the mini-batches that one update each is made from, those in the parts that are
// computed together, and the policy's log-probabilities of its answers, each prompt computed once
// for its whole group, forward and backward.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "vragent/learning/grpo/grpo_loss.h"
#include "vragent/learning/grpo/rollout.h"

namespace vragent::learning {

/// Groups of a rollout, drawn into as few mini-batches as hold at most so many each; their sizes
/// differ by one at most. Each has its groups in the order of the rollout.
/// @param most 0: one mini-batch of all
std::vector<std::vector<std::size_t>> mini_batches(std::size_t groups,
                                                   std::int64_t most,
                                                   std::uint64_t seed);

/// Answers [begin, end) of a rollout: whole groups, or some of one group. What one forward and
/// backward pass takes.
struct RowRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// @param max_prompts groups of one micro-batch; @param max_tokens of one micro-batch, each prompt
/// counted once where its answers stand together: 0 is by prompts alone, above it is by tokens
/// alone. A group that is too long alone is cut; a single answer that is too long stands alone.
std::vector<RowRange> micro_batches(const Rollout& rollout,
                                    std::int64_t max_prompts,
                                    std::int64_t max_tokens);

/// Tokens of a micro-batch, each prompt once.
std::int64_t tokens_of(const Rollout& rollout, const RowRange& rows);

/// Some prompts of a rollout and their answers as tensors; or one prompt and some of its answers.
struct RolloutSlice {
  std::vector<engine::Prompt> prompts;  ///< [p]
  std::vector<engine::Sample> samples;  ///< [p*G], or fewer of one prompt
  torch::Tensor mask;                   ///< bool [p*G, C], true where a sample has a token
  torch::Tensor sampled_log_probs;      ///< fp32 [p*G, C], as the sampler saw them
  torch::Tensor advantages;             ///< fp32 [p*G]
};

/// Tokens of a slice, each prompt once.
std::int64_t tokens_of(const RolloutSlice& slice);

/// Answers `begin` to `end`: of whole groups, or of one.
/// @param mask_truncated answers that ran into the sampler's limit count as if they had no tokens
RolloutSlice slice_rows(const Rollout& rollout,
                        std::size_t begin,
                        std::size_t end,
                        bool mask_truncated = false);

/// One forward and backward pass of an update.
struct UpdatePart {
  RolloutSlice slice;  ///< without prompts where nothing is to be computed
  double share = 0;    ///< times the slice's loss: the sum over parts is the loss of the update
};

struct UpdateParts {
  std::vector<UpdatePart> parts;
  double total_tokens = 0;  ///< of all answers of the update, as GrpoBatch wants them
};

/// The micro-batches of an update that learns from this rollout. Where neither a divergence nor an
/// entropy bonus is asked for, groups that no gradient comes of (no answer has both tokens and an
/// advantage) are left out; what the loss divides by counts them all the same, so that loss and
/// gradients are those of the whole.
UpdateParts parts_of_update(const Rollout& rollout,
                            const std::vector<RowRange>& ranges,
                            const GrpoLossConfig& loss);

/// Per token of the slice's answers, fp32 [p*G, C]; values behind an answer's end are zero.
struct AnswerLogProbs {
  torch::Tensor log_probs;
  torch::Tensor entropy;
};

/// Gradients flow to the policy through answers and prompts.
/// @param entropy_gradient else the entropy carries none
AnswerLogProbs answer_log_probs(const models::TextModel& policy,
                                const RolloutSlice& slice,
                                double temperature,
                                bool entropy_gradient = false);

}  // namespace vragent::learning
