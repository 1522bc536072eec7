// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Gradients of the updates that a step makes of its rollout: one update a mini-batch and pass, each
// computed in micro-batches, against the policy that sampled and the reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "learning/grpo/grpo_metrics.h"
#include "vragent/comm/communicator.h"
#include "vragent/engine/native_chat.h"
#include "vragent/learning/gradient_sum.h"
#include "vragent/learning/grpo/grpo_loss.h"
#include "vragent/learning/grpo/grpo_trainer.h"
#include "vragent/learning/grpo/micro_batches.h"
#include "vragent/learning/grpo/rollout.h"
#include "vragent/learning/trained_model.h"
#include "vragent/nn/optim/sharded_adamw.h"

namespace vragent::learning {

class PolicyGradients {
 public:
  /// Loads the reference policy where one is asked for: a frozen copy of the model as loaded. With
  /// adapters that model is the policy with its adapters off (or as they began) and needs no copy.
  /// What is given must outlive this.
  PolicyGradients(const GrpoConfig& config,
                  TrainedModel& trained,
                  const comm::Communicator& processes);

  /// Computes the largest micro-batch of a rollout once, before the first step.
  void rehearse(const Rollout& longest, nn::ShardedAdamW& optimizer);

  /// Takes the rollout of a step, before its first update. Where more than one is made of it the
  /// log-probabilities of the weights that sampled, which are the present ones, are computed here.
  void begin(const Rollout& rollout, std::int64_t step);

  /// Updates to make: mini-batches times passes; 0 where the rollout has no groups.
  [[nodiscard]] std::size_t updates() const { return order_.size(); }

  /// Groups of the rollout that an update learns from: for tests of how a step is cut, and in
  /// which order.
  [[nodiscard]] const std::vector<std::size_t>& groups_in(std::size_t update) const {
    return batches_[order_[update]].groups;
  }

  /// Whether none of an update's answers has an advantage.
  [[nodiscard]] bool is_flat(std::size_t update) const { return batches_[order_[update]].is_flat; }

  /// Leaves this process's part of an update's gradients in the parameters, which must have none.
  /// @return the sums of this process
  UpdateSums compute(std::size_t update);

 private:
  struct MiniBatch {
    std::vector<std::size_t> groups;
    UpdateParts computed;
    std::vector<std::size_t> own;           ///< parts that this process computes
    std::vector<torch::Tensor> old;         ///< log-probabilities of the weights that sampled;
                                            ///< undefined: the present ones
    std::vector<torch::Tensor> references;  ///< of the reference; undefined until needed
    bool is_flat = false;
  };

  struct PartLoss {
    AnswerLogProbs now;
    GrpoLoss loss;
  };

  [[nodiscard]] MiniBatch mini_batch(const Rollout& rollout, std::vector<std::size_t> groups) const;
  void keep_old_log_probs();
  [[nodiscard]] torch::Tensor reference_log_probs(const RolloutSlice& part);
  PartLoss loss_of(const RolloutSlice& part,
                   const torch::Tensor& old,
                   torch::Tensor& reference,
                   double all_tokens,
                   std::uint64_t dropout_seed);
  [[nodiscard]] double temperature() const;

  [[nodiscard]] std::uint64_t seed() const {
    return static_cast<std::uint64_t>(config_.runtime.seed);
  }

  const GrpoConfig& config_;
  const comm::Communicator& processes_;
  TrainedModel& trained_;
  torch::Device device_;
  engine::LanguageModel reference_;
  GradientSum gradients_;
  std::uint64_t step_ = 0;
  std::vector<MiniBatch> batches_;  ///< of the present rollout
  std::vector<std::size_t> order_;  ///< of each update its mini-batch
};

}  // namespace vragent::learning
