// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What a GRPO step reports, under TRL's names, and its lines of completions.jsonl.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "vragent/comm/communicator.h"
#include "vragent/learning/grpo/grpo_loss.h"
#include "vragent/learning/grpo/micro_batches.h"
#include "vragent/learning/grpo/rollout.h"
#include "vragent/report/event_file.h"

namespace vragent::learning {

/// Sums over the micro-batches of an update.
struct UpdateSums {
  double loss = 0;
  double kl = 0;  ///< token-weighted, as are the next four and the correction
  double entropy = 0;
  double clip_low = 0;
  double clip_high = 0;
  double least_clip_low = 1;  ///< of the micro-batches
  double most_clip_high = 0;
  double log_prob_gap = 0;  ///< sum of |trainer - sampler|
  double max_log_prob_gap = 0;
  double correction = 0;  ///< weights of the sampler's correction
  double least_correction = std::numeric_limits<double>::infinity();  ///< until there are tokens
  double most_correction = -std::numeric_limits<double>::infinity();
  double tokens = 0;

  /// One more micro-batch. @param now log-probabilities of the weights that sampled, entropy of the
  /// present ones; @param share of its loss in the update's
  void add(const RolloutSlice& part,
           const AnswerLogProbs& now,
           const GrpoLoss& computed,
           double share);

  /// What all processes have summed, each over its own micro-batches.
  [[nodiscard]] UpdateSums together(const comm::Communicator& processes) const;
};

/// Means over the updates of a step: of the loss, of the gradient's norm and of
/// the extremes of clipping each update counts once; what is a mean over tokens is one over those
/// of all updates.
class StepMeans {
 public:
  /// One more update. @param sums of all processes; @param norm of its gradient
  void add(const UpdateSums& sums, double norm);

  /// 0 where there was no update, as the next.
  [[nodiscard]] double loss() const;
  [[nodiscard]] double gradient_norm() const;

  /// The loss, and of the answers that were computed (parts_of_update()): divergence, entropy,
  /// clipping, difference between sampler and trainer; NaN where none were.
  [[nodiscard]] std::vector<report::Scalar> scalars() const;

 private:
  UpdateSums all_;  ///< its extremes of clipping are not used
  double norms_ = 0;
  double least_clip_low_ = 0;  ///< sums over the updates that computed answers
  double most_clip_high_ = 0;
  double updates_ = 0;
  double computed_ = 0;  ///< updates that computed answers
};

/// Lengths, rewards, shares of truncated answers and of groups without variance. rewards/NAME/mean
/// and /std are of each reward as it was paid; reward is the mean of their weighted sum, reward_std
/// the mean of that sum's deviation in a group, or its deviation in the batch where that is what
/// divides.
std::vector<report::Scalar> rollout_scalars(const Rollout& rollout,
                                            const AdvantageConfig& advantage);

/// Tokens that a rollout's answers were sampled behind and of: a prompt counts with each of them.
std::int64_t tokens_seen(const Rollout& rollout);

/// What dynamic sampling did; nothing where it is off.
std::vector<report::Scalar> sampling_scalars(const SampledStep& step);

/// One line an answer. @param advantage how its rewards are weighted; @param is_kept of each group,
/// under dynamic sampling; else empty
std::vector<std::string> completion_lines(const Rollout& rollout,
                                          std::int64_t step,
                                          const engine::ChatEncoder& encoder,
                                          const AdvantageConfig& advantage,
                                          const std::vector<bool>& is_kept = {});

}  // namespace vragent::learning
