// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Sampled answers of the policy to cases, with rewards and advantages; and dynamic sampling (DAPO,
// arXiv 2503.14476, section 3.2): groups whose answers all earn the same teach nothing; they are
// dropped, and further prompts are asked in their place, up to a limit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
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

/// Some of its groups in the given order, with their advantages where the rollout has them.
Rollout groups_of(const Rollout& rollout, std::span<const std::size_t> groups);

/// All groups that a step sampled, and those that it learns from.
struct SampledStep {
  Rollout all;                ///< advantages are those of `kept`, zero for dropped groups
  Rollout kept;               ///< empty without resampling: then every group is kept
  std::vector<bool> is_kept;  ///< of each group of `all`; empty without resampling
  std::int64_t rounds = 1;    ///< of sampling

  [[nodiscard]] const Rollout& learnt() const { return is_kept.empty() ? all : kept; }

  /// Groups that were dropped.
  [[nodiscard]] std::int64_t dropped() const {
    return std::count(is_kept.begin(), is_kept.end(), false);
  }
};

/// Asks `count` further prompts. @param round 0, 1, ...
using AskMore = std::function<Rollout(std::int64_t count, std::int64_t round)>;

/// Samples until `wanted` groups have varied rewards, or `max_extra_rounds` rounds after the first.
/// Each round asks as many prompts as are missing. With max_extra_rounds 0 nothing is dropped.
SampledStep sample_step(const AskMore& ask,
                        std::int64_t wanted,
                        std::int64_t max_extra_rounds,
                        const AdvantageConfig& advantage);

}  // namespace vragent::learning
