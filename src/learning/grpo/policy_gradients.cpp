// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/grpo/policy_gradients.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "vragent/comm/sharing.h"
#include "vragent/learning/rehearsal.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/device.h"
#include "vragent/nn/lora.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// Which micro-batches this process computes: of those with something to compute.
std::vector<std::size_t> own_parts(const UpdateParts& update, const comm::Communicator& processes) {
  std::vector<double> tokens;
  for (const UpdatePart& part : update.parts)
    tokens.push_back(static_cast<double>(tokens_of(part.slice)));
  const std::vector<bool> is_own = comm::own_of(tokens, processes);
  std::vector<std::size_t> own;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (is_own[i] && tokens[i] > 0) own.push_back(i);
  }
  return own;
}

}  // namespace

PolicyGradients::PolicyGradients(const GrpoConfig& config,
                                 TrainedModel& trained,
                                 const comm::Communicator& processes)
    : config_(config),
      processes_(processes),
      trained_(trained),
      device_(nn::parse_device(config.runtime.device)),
      gradients_(
          nn::trainable_parameters(trained.language_model.module()), processes, config.zero) {
  if (config.loss.kl_coef <= 0 || trained.adapter) return;
  reference_ = engine::load_language_model_folder(
      models::resolve_model(config.model), nn::parse_dtype(config.runtime.dtype), device_);
  reference_.text().decoder->pack();
}

void PolicyGradients::rehearse(const Rollout& longest, nn::ShardedAdamW& optimizer) {
  const std::vector<RowRange> parts =
      micro_batches(longest, config_.micro_prompts, config_.micro_tokens);
  const RowRange largest =
      *std::max_element(parts.begin(), parts.end(), [&](const RowRange& a, const RowRange& b) {
        return tokens_of(longest, a) < tokens_of(longest, b);
      });
  const BackwardRehearsal rehearsal{.tokens = tokens_of(longest, largest),
                                    .several_parts = parts.size() > 1};
  rehearse_backward(rehearsal, optimizer, gradients_, [&] {
    Tensor reference;  // computed for each part of an update
    return loss_of(slice_rows(longest, largest.begin, largest.end), Tensor(), reference, 1, 0)
        .loss.part_of_update(1);
  });
}

void PolicyGradients::begin(const Rollout& rollout, std::int64_t step) {
  step_ = static_cast<std::uint64_t>(step);
  batches_.clear();
  order_.clear();
  const std::uint64_t drawn = mix_seed(seed(), {hash_text("mini-batches"), step_});
  for (auto& groups : mini_batches(rollout.prompts.size(), config_.mini_prompts, drawn))
    batches_.push_back(mini_batch(rollout, std::move(groups)));
  for (std::int64_t pass = 0; pass < config_.updates_per_rollout; ++pass) {
    std::vector<std::size_t> places(batches_.size());
    std::iota(places.begin(), places.end(), 0);
    RandomStream(
        mix_seed(seed(),
                 {hash_text("order of mini-batches"), step_, static_cast<std::uint64_t>(pass)}))
        .shuffle(places);
    order_.insert(order_.end(), places.begin(), places.end());
  }
  if (order_.size() > 1) keep_old_log_probs();
}

UpdateSums PolicyGradients::compute(std::size_t update) {
  MiniBatch& batch = batches_[order_[update]];
  UpdateSums sums;
  for (const std::size_t i : batch.own) {
    const auto& [slice, share] = batch.computed.parts[i];
    const std::uint64_t dropout_seed =
        mix_seed(seed(), {hash_text("lora dropout"), step_, update, i});
    const auto [now, loss] = loss_of(
        slice, batch.old[i], batch.references[i], batch.computed.total_tokens, dropout_seed);
    loss.part_of_update(share).backward();
    if (batch.computed.parts.size() > 1) gradients_.add();
    sums.add(
        slice, {batch.old[i].defined() ? batch.old[i] : now.log_probs, now.entropy}, loss, share);
  }
  gradients_.finish();
  return sums;
}

PolicyGradients::MiniBatch PolicyGradients::mini_batch(const Rollout& rollout,
                                                       std::vector<std::size_t> groups) const {
  const Rollout part = groups_of(rollout, groups);
  MiniBatch batch{
      .groups = std::move(groups),
      .computed = parts_of_update(
          part, micro_batches(part, config_.micro_prompts, config_.micro_tokens), config_.loss),
      .is_flat = (part.advantages == 0).all().item<bool>()};
  batch.own = own_parts(batch.computed, processes_);
  batch.old.resize(batch.computed.parts.size());
  batch.references.resize(batch.computed.parts.size());
  return batch;
}

void PolicyGradients::keep_old_log_probs() {
  const torch::NoGradGuard no_grad;
  const models::TextModel policy = trained_.language_model.text();
  for (MiniBatch& batch : batches_) {
    for (const std::size_t i : batch.own)
      batch.old[i] =
          answer_log_probs(policy, batch.computed.parts[i].slice, temperature()).log_probs;
  }
}

Tensor PolicyGradients::reference_log_probs(const RolloutSlice& part) {
  const torch::NoGradGuard no_grad;
  if (!trained_.adapter) return answer_log_probs(reference_.text(), part, temperature()).log_probs;
  const nn::AdapterSwitch as_loaded(trained_.language_model.module(), trained_.start);
  return answer_log_probs(trained_.language_model.text(), part, temperature()).log_probs;
}

/// Of one micro-batch. Adapters drop inputs here and nowhere else. @param old its old
/// log-probabilities, undefined where they are the present ones; @param reference those of the
/// reference, computed where they are needed and not there; @param all_tokens of the whole update
PolicyGradients::PartLoss PolicyGradients::loss_of(const RolloutSlice& part,
                                                   const Tensor& old,
                                                   Tensor& reference,
                                                   double all_tokens,
                                                   std::uint64_t dropout_seed) {
  AnswerLogProbs now;
  {
    const nn::AdapterDropout dropout(trained_.language_model.module(), dropout_seed);
    now = answer_log_probs(trained_.language_model.text(),
                           part,
                           temperature(),
                           /*entropy_gradient=*/config_.loss.entropy_coef != 0);
  }
  GrpoBatch batch{.log_probs = now.log_probs,
                  .entropy = now.entropy,
                  .old_log_probs = old,
                  .sampler_log_probs = part.sampled_log_probs.to(device_),
                  .mask = part.mask.to(device_),
                  .advantages = part.advantages.to(device_),
                  .max_completion_length = config_.sampling.max_tokens,
                  .total_tokens = std::max(all_tokens, 1.0)};
  if (config_.loss.kl_coef > 0) {
    if (!reference.defined()) reference = reference_log_probs(part);
    batch.ref_log_probs = reference;
  }
  return {now, grpo_loss(batch, config_.loss)};
}

double PolicyGradients::temperature() const {
  return config_.sampling.temperature > 0 ? config_.sampling.temperature : 1.0;
}

}  // namespace vragent::learning
