// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Dynamic sampling (DAPO, arXiv 2503.14476, section 3.2): groups whose answers all earn the same
// teach nothing; they are dropped, and further prompts are asked in their place, up to a limit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "vragent/learning/grpo/rollout.h"

namespace vragent::learning {

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
