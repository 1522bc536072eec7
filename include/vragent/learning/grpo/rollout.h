// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Sampled answers of the policy to cases, with rewards and advantages.
#pragma once

#include <cstdint>
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

}  // namespace vragent::learning
