// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <fstream>
#include <memory>

#include <torch/types.h>

#include "jobs.h"
#include "vragent/engine/generator.h"
#include "vragent/engine/prefill.h"
#include "vragent/learning/gradient_sum.h"
#include "vragent/learning/grpo/advantage.h"
#include "vragent/learning/grpo/grpo_loss.h"
#include "vragent/learning/grpo/micro_batches.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/learning/trained_model.h"
#include "vragent/nn/optim/adamw.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"
#include "vragent/util/progress.h"

namespace vragent::bench {
namespace {

using torch::Tensor;
using Ids = std::vector<std::int64_t>;

/// Largest resident memory of this process so far, MB.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

/// A model with its optimiser; rank 0 trains all weights.
struct Learner {
  Learner(const Session& session, std::int64_t rank)
      : trained(learning::load_trained_model(session.model.string(),
                                             engine::ChatEncoder(session.model),
                                             {.rank = rank},
                                             session.runtime,
                                             torch::kCPU)),
        optimizer(nn::decay_groups(nn::trainable_parameters(trained.language_model.module()), 0.0),
                  config) {}

  [[nodiscard]] models::TextModel text() const { return trained.language_model.text(); }

  nn::OptimConfig config{.weight_decay = 0.0};
  learning::TrainedModel trained;
  nn::AdamW optimizer;
};

/// One optimiser step on packed sequences, the loss on every token behind the first.
OrderedJson sft_step(Learner& learner, const Json& request) {
  const models::TextModel text = learner.text();
  models::Decoder decoder = text.decoder;
  Ids ids;
  Ids targets;
  Ids from;
  std::vector<std::int64_t> lengths;
  for (const Json& row : request.at("rows")) {
    const Ids part = row.get<Ids>();
    for (std::size_t i = 1; i < part.size(); ++i) {
      from.push_back(std::ssize(ids) + static_cast<std::int64_t>(i) - 1);
      targets.push_back(part[i]);
    }
    ids.insert(ids.end(), part.begin(), part.end());
    lengths.push_back(std::ssize(part));
  }
  const Stopwatch watch;
  learner.optimizer.zero_grad();
  const ops::Packing packing = ops::pack(lengths, torch::kCPU);
  const Tensor hidden = decoder->forward(decoder->embed_tokens(torch::tensor(ids)),
                                         ops::packed_positions(packing, torch::kCPU),
                                         {.packing = &packing});
  const Tensor loss =
      -learning::token_log_probs(
           hidden.index_select(0, torch::tensor(from)), text.head, torch::tensor(targets))
           .log_probs.mean();
  loss.backward();
  const double backward = watch.seconds();
  const double norm = learner.optimizer.clip_gradients(learner.config.clip);
  learner.optimizer.step(request.at("lr").get<double>());
  learner.optimizer.zero_grad();
  return {{"seconds", watch.seconds()},
          {"backward_seconds", backward},
          {"loss", loss.item<double>()},
          {"grad_norm", norm},
          {"peak_mb", peak_memory()}};
}

/// One step of GRPO as grpo-train makes it, over given prompts, with a reward of token ids.
class GrpoJob {
 public:
  explicit GrpoJob(const Session& session)
      : learner_(session, 0),
        reference_(engine::load_language_model_folder(
            session.model, nn::parse_dtype(session.runtime.dtype), torch::kCPU)),
        gradients_(nn::trainable_parameters(learner_.trained.language_model.module())) {
    reference_.text().decoder->pack();
  }

  /// With "answers" (of each prompt, one list of ids a sample) nothing is generated.
  OrderedJson step(const Json& request) {
    const auto group = request.at("group").get<std::int64_t>();
    const Stopwatch watch;
    learning::Rollout rollout = rollout_of(request, group);
    const double sampled = watch.seconds();
    const std::size_t micro = request.value("micro_prompts", std::size_t{4});
    const learning::GrpoLossConfig config{.kl_coef = request.value("kl_coef", 0.04)};
    double tokens = 0;
    for (const engine::Sample& sample : rollout.samples)
      tokens += static_cast<double>(sample.ids.size());
    const std::size_t prompts = rollout.prompts.size();
    const auto answers_each = static_cast<std::size_t>(group);
    const auto parts = static_cast<std::int64_t>((prompts + micro - 1) / micro);
    double reference_seconds = 0;
    double loss = 0;
    double kl = 0;
    double log_prob = 0;
    const bool learns = request.value("learn", true);
    for (std::size_t begin = 0; begin < prompts; begin += micro) {
      const learning::RolloutSlice part = learning::slice_rows(
          rollout, begin * answers_each, std::min(prompts, begin + micro) * answers_each);
      learning::GrpoBatch batch{.mask = part.mask,
                                .advantages = part.advantages,
                                .max_completion_length = part.mask.size(1),
                                .total_tokens = tokens};
      if (config.kl_coef > 0) {
        const Stopwatch reference;
        const torch::NoGradGuard no_grad;
        batch.ref_log_probs = learning::answer_log_probs(reference_.text(), part, 1.0).log_probs;
        reference_seconds += reference.seconds();
      }
      batch.log_probs = learning::answer_log_probs(learner_.text(), part, 1.0).log_probs;
      const learning::GrpoLoss part_loss = learning::grpo_loss(batch, config);
      const double share = learning::micro_batch_share(
          config, part.mask.size(0), std::ssize(rollout.samples), parts);
      (part_loss.loss * share).backward();
      if (parts > 1) gradients_.add();
      loss += part_loss.loss.item<double>() * share;
      kl += part_loss.kl * part.mask.sum().item<double>() / tokens;
      log_prob += batch.log_probs.detach().sum().item<double>() / tokens;
    }
    gradients_.finish();
    const double trained = watch.seconds() - sampled - reference_seconds;
    const double norm = learner_.optimizer.clip_gradients(learns ? 1.0 : 0.0);
    if (learns) learner_.optimizer.step(request.at("lr").get<double>());
    learner_.optimizer.zero_grad();
    OrderedJson answers = OrderedJson::array();
    for (const engine::Sample& sample : rollout.samples) answers.push_back(sample.ids);
    return {{"seconds", watch.seconds()},
            {"rollout_seconds", sampled},
            {"reference_seconds", reference_seconds},
            {"training_seconds", trained},
            {"tokens", tokens},
            {"loss", loss},
            {"kl", kl},
            {"mean_log_prob", log_prob},
            {"grad_norm", norm},
            {"peak_mb", peak_memory()},
            {"answers", answers}};
  }

 private:
  learning::Rollout rollout_of(const Json& request, std::int64_t group) {
    learning::Rollout rollout{.group_size = group};
    for (const Json& ids : request.at("prompts"))
      rollout.prompts.push_back({.ids = ids.get<Ids>(),
                                 .seed = request.value("seed", std::uint64_t{1}),
                                 .num_samples = group});
    if (request.contains("answers")) {
      for (const Json& ids : request.at("answers")) {
        engine::Sample sample{.ids = ids.get<Ids>(), .finish_reason = "length"};
        sample.log_probs.assign(sample.ids.size(), 0);
        rollout.samples.push_back(std::move(sample));
      }
    } else {
      const engine::GeneratorConfig config{
          .sampling = {.temperature = 1.0,
                       .max_tokens = request.at("max_tokens").get<std::int64_t>()},
          .max_rows = 512};
      const models::InferenceCopies copies(learner_.text());
      for (auto& answers : engine::generate(copies.model(), rollout.prompts, config)) {
        for (engine::Sample& sample : answers) rollout.samples.push_back(std::move(sample));
      }
    }
    std::vector<float> rewards;
    for (const engine::Sample& sample : rollout.samples) rewards.push_back(reward_of(sample.ids));
    rollout.advantages = learning::group_advantage(torch::tensor(rewards).view({-1, group}));
    return rollout;
  }

  /// Share of even ids: something that varies and that every program computes alike.
  static float reward_of(const Ids& ids) {
    float even = 0;
    for (const std::int64_t id : ids) even += id % 2 == 0 ? 1.0F : 0.0F;
    return even / static_cast<float>(std::max<std::size_t>(ids.size(), 1));
  }

  Learner learner_;
  engine::LanguageModel reference_;
  learning::GradientSum gradients_;
};

}  // namespace

void add_grpo_jobs(const Session& session, std::map<std::string, Job>& jobs) {
  const auto grpo = std::make_shared<GrpoJob>(session);
  jobs["grpo_step"] = [grpo](const Json& request) { return grpo->step(request); };
}

void add_sft_jobs(const Session& session, std::int64_t rank, std::map<std::string, Job>& jobs) {
  const auto learner = std::make_shared<Learner>(session, rank);
  jobs["sft_step"] = [learner](const Json& request) { return sft_step(*learner, request); };
}

}  // namespace vragent::bench
