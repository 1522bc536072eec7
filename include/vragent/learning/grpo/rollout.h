// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Sampled answers of the policy to cases, with rewards and advantages; and the policy's
// log-probabilities of such answers, each prompt computed once for its whole group, forward and
// backward.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/engine/generator.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/learning/grpo/reward.h"

namespace vragent::learning {

/// Answers to one step's prompts: P cases, G answers each; row p*G+g is answer g of case p.
struct Rollout {
  std::vector<const data::Case*> cases;  ///< [P]
  std::vector<engine::Prompt> prompts;   ///< [P]
  std::vector<engine::Sample> samples;   ///< [P*G]
  std::vector<std::string> replies;      ///< [P*G], prefill in front
  std::vector<Reward> rewards;           ///< [P*G]
  torch::Tensor advantages;              ///< fp32 [P, G]
  std::int64_t group_size = 0;           ///< G
};

struct RolloutConfig {
  std::int64_t group_size = 16;  // paper: 16
  std::int64_t max_rows = 512;   ///< answers decoded together
  chat::SamplingConfig sampling = {.max_tokens = 2048};
  simulator::PromptConfig prompt;
  RewardConfig reward;
  AdvantageConfig advantage;
};

/// Samples and scores. Many processes share the prompts and get the whole rollout. The random
/// stream of an answer depends on seed, case and its place in the group alone.
Rollout roll_out(const models::TextModel& policy,
                 const engine::ChatEncoder& encoder,
                 std::vector<const data::Case*> cases,
                 const RolloutConfig& config,
                 std::uint64_t seed,
                 const comm::Communicator& processes = comm::alone());

/// Answers of one length to each prompt, which no policy gave and no reward was paid for: what a
/// step of that size costs.
Rollout filled_rollout(std::vector<engine::Prompt> prompts,
                       std::int64_t group_size,
                       std::int64_t answer_tokens);

/// Advantages of the rollout's rewards, into rollout.advantages. @throws Error (70) naming the case
/// when a reward is not finite
void set_advantages(Rollout& rollout, const AdvantageConfig& config);

/// Which groups have something to teach (have_variance()). [P]
std::vector<bool> varied_groups(const Rollout& rollout, const AdvantageConfig& config);

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
  std::span<const engine::Prompt> prompts;  ///< [p]
  std::span<const engine::Sample> samples;  ///< [p*G], or fewer of one prompt
  torch::Tensor mask;                       ///< bool [p*G, C], true where a sample has a token
  torch::Tensor sampled_log_probs;          ///< fp32 [p*G, C], as the sampler saw them
  torch::Tensor advantages;                 ///< fp32 [p*G]
};

/// Answers `begin` to `end`: of whole groups, or of one.
/// @param mask_truncated answers that ran into the sampler's limit count as if they had no tokens
RolloutSlice slice_rows(const Rollout& rollout,
                        std::size_t begin,
                        std::size_t end,
                        bool mask_truncated = false);

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
