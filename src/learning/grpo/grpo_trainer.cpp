// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/grpo_trainer.h"

#include <algorithm>
#include <cmath>

#include "learning/grpo/curriculum.h"
#include "learning/grpo/grpo_metrics.h"
#include "vragent/data/run_dir.h"
#include "vragent/engine/native_chat.h"
#include "vragent/learning/trained_model.h"
#include "vragent/learning/trainer_files.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/parameters.h"
#include "vragent/simulator/tasks.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

constexpr std::string_view kMayDiffer =
    "resume,overwrite,device,threads,log-completions-every,save-every,keep-checkpoints";

/// The cases of all files whose prompts fit; longer ones are an error or counted, as the setting
/// says.
std::vector<data::Case> load_fitting_cases(const GrpoConfig& config,
                                           const engine::ChatEncoder& encoder,
                                           std::int64_t& skipped) {
  std::vector<data::Case> cases;
  for (const auto& path : config.cases) {
    for (data::Case& row : data::load_cases(path)) {
      const auto tokens =
          static_cast<std::int64_t>(encoder
                                        .encode(simulator::task_messages(row, config.prompt),
                                                simulator::assistant_prefill(config.prompt))
                                        .ids.size());
      if (tokens <= config.max_prompt_tokens) {
        cases.push_back(std::move(row));
      } else if (config.overlong == "skip") {
        ++skipped;
      } else {
        throw DataError(
            formatted("{}: case {}: prompt of {} tokens, --max-prompt-tokens is {} (--overlong "
                      "skip passes over it)",
                      path,
                      row.case_id,
                      tokens,
                      config.max_prompt_tokens));
      }
    }
  }
  if (skipped > 0) log::warn("{} cases with overlong prompts are skipped", skipped);
  return cases;
}

class GrpoLoop {
 public:
  explicit GrpoLoop(const GrpoConfig& config)
      : config_(config),
        encoder_(models::resolve_model(config.model)),
        device_(nn::parse_device(config.runtime.device)),
        cases_(load_fitting_cases(config, encoder_, result_.skipped_prompts)),
        curriculum_(cases_,
                    config.stages,
                    config.batch_prompts,
                    config.replay,
                    static_cast<std::uint64_t>(config.runtime.seed)),
        trained_(load_trained_model(config.model, config.lora, config.runtime, device_)),
        model_(trained_.language_model),
        files_(config.out, trained_.base, config.keep_checkpoints, trained_.adapter) {
    if (config.loss.kl_coef > 0 && !trained_.adapter) reference_ = load_reference();
    rollout_ = {.group_size = config.group_size,
                .sampling = config.sampling,
                .prompt = config.prompt,
                .reward = config.reward,
                .advantage = config.advantage};
  }

  GrpoResult run() {
    if (const auto last = files_.finished(curriculum_.total_steps()); last && config_.resume) {
      log::info("{}: all {} steps are done", config_.out, curriculum_.total_steps());
      result_.steps = curriculum_.total_steps();
      if (last->contains("reward")) result_.last_reward = last->at("reward");
      return result_;
    }
    nn::AdamW optimizer(
        nn::decay_groups(nn::trainable_parameters(model_.module()), config_.optim.weight_decay),
        config_.optim);
    if (const auto restored = files_.open(config_.resume, model_.module(), optimizer)) {
      result_.steps = static_cast<std::int64_t>(restored->at("step"));
      tokens_seen_ = restored->at("num_tokens");
    }
    report::cut_steps_after(completions_path(), result_.steps > 0 ? result_.steps : -1);
    completions_ = std::make_unique<LineWriter>(completions_path(), LineWriter::Mode::kAppend);
    log::info("grpo cases={} steps={} prompts={} group={}",
              cases_.size(),
              curriculum_.total_steps(),
              config_.batch_prompts,
              config_.group_size);
    Progress progress("steps", curriculum_.total_steps() - result_.steps);
    while (result_.steps < curriculum_.total_steps()) {
      try {
        progress.advance(1, step(optimizer));
      } catch (const Interrupted&) {
        log::info("step={} stopped while sampling, begins anew on resume", result_.steps + 1);
      }
      const bool asked = config_.save_every > 0 && result_.steps % config_.save_every == 0;
      if (asked || interrupt_requested())
        files_.save_checkpoint(result_.steps, model_.module(), optimizer, numbers());
      throw_if_interrupted(formatted(
          "step {} is saved; run the same command with --resume to go on", result_.steps));
    }
    files_.finish(result_.steps, model_.module(), numbers());
    return result_;
  }

 private:
  /// A frozen copy of the model as loaded; with adapters that model is the policy with its adapters
  /// off (or as they began) and needs no copy.
  engine::LanguageModel load_reference() {
    engine::LanguageModel reference = engine::load_language_model_folder(
        models::resolve_model(config_.model), nn::parse_dtype(config_.runtime.dtype), device_);
    reference.text().decoder->pack();
    return reference;
  }

  Tensor reference_log_probs(const RolloutSlice& part) {
    const torch::NoGradGuard no_grad;
    if (!trained_.adapter)
      return answer_log_probs(reference_.text(), part, temperature()).log_probs;
    const nn::AdapterSwitch as_loaded(model_.module(), trained_.start);
    return answer_log_probs(model_.text(), part, temperature()).log_probs;
  }

  /// Log-probabilities that gradients flow through; adapters drop inputs here and nowhere else.
  AnswerLogProbs learnt_log_probs(const RolloutSlice& part, std::size_t number) {
    const nn::AdapterDropout dropout(model_.module(),
                                     mix_seed(static_cast<std::uint64_t>(config_.runtime.seed),
                                              {hash_text("lora dropout"),
                                               static_cast<std::uint64_t>(result_.steps),
                                               static_cast<std::uint64_t>(update_),
                                               number}));
    return answer_log_probs(model_.text(), part, temperature(), config_.loss.entropy_coef != 0);
  }

  [[nodiscard]] std::filesystem::path completions_path() const {
    return config_.out / data::kCompletionsFile;
  }

  std::string step(nn::AdamW& optimizer) {
    const Stopwatch watch;
    const std::int64_t number = result_.steps;
    const std::uint64_t seed = mix_seed(static_cast<std::uint64_t>(config_.runtime.seed),
                                        {hash_text("rollout"), static_cast<std::uint64_t>(number)});
    const Rollout rollout =
        roll_out(model_.text(), encoder_, curriculum_.cases_of(number), rollout_, seed);
    const double sampled = watch.seconds();
    const double lr = rate_of(number);
    const std::vector<Tensor> old =
        config_.updates_per_rollout > 1 ? old_log_probs(rollout) : std::vector<Tensor>();
    StepSums sums;
    double norm = 0;
    for (std::int64_t update = 0; update < config_.updates_per_rollout; ++update) {
      sums = StepSums{};
      update_ = update;
      optimizer.zero_grad();
      accumulate(rollout, old, sums);
      norm = optimizer.clip_gradients(config_.optim.clip);
      if (std::isfinite(norm) && std::isfinite(sums.loss)) {
        optimizer.step(lr);
      } else {
        log::warn("step={} skipped: loss {} gradient norm {}", number + 1, sums.loss, norm);
      }
    }
    optimizer.zero_grad();
    result_.steps += 1;
    return report_step(rollout, sums, norm, lr, {sampled, watch.seconds()});
  }

  /// Prompts of one forward and backward: pairs [begin, end).
  [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> micro_batches(
      const Rollout& rollout) const {
    std::vector<std::pair<std::size_t, std::size_t>> parts;
    const auto size = static_cast<std::size_t>(config_.micro_prompts);
    for (std::size_t begin = 0; begin < rollout.prompts.size(); begin += size)
      parts.emplace_back(begin, std::min(rollout.prompts.size(), begin + size));
    return parts;
  }

  std::vector<Tensor> old_log_probs(const Rollout& rollout) {
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> parts;
    for (const auto& [begin, end] : micro_batches(rollout))
      parts.push_back(
          answer_log_probs(model_.text(), slice_of(rollout, begin, end), temperature()).log_probs);
    return parts;
  }

  [[nodiscard]] RolloutSlice slice_of(const Rollout& rollout,
                                      std::size_t begin,
                                      std::size_t end) const {
    return slice(rollout, begin, end, config_.loss.mask_truncated);
  }

  void accumulate(const Rollout& rollout, const std::vector<Tensor>& old, StepSums& sums) {
    std::vector<RolloutSlice> parts;
    double all_tokens = 0;
    for (const auto& [begin, end] : micro_batches(rollout)) {
      parts.push_back(slice_of(rollout, begin, end));
      all_tokens += parts.back().mask.sum().item<double>();
    }
    const bool with_entropy = config_.loss.entropy_coef != 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const RolloutSlice& part = parts[i];
      const bool flat = (part.advantages == 0).all().item<bool>();
      // No gradient comes of it.
      if (flat && config_.loss.kl_coef == 0 && !with_entropy) continue;
      const AnswerLogProbs now = learnt_log_probs(part, i);
      GrpoBatch batch{.log_probs = now.log_probs,
                      .entropy = now.entropy,
                      .sampler_log_probs = part.sampled_log_probs.to(device_),
                      .mask = part.mask.to(device_),
                      .advantages = part.advantages.to(device_),
                      .max_completion_length = config_.sampling.max_tokens,
                      .total_tokens = std::max(all_tokens, 1.0)};
      if (!old.empty()) batch.old_log_probs = old[i];
      if (config_.loss.kl_coef > 0) batch.ref_log_probs = reference_log_probs(part);
      const GrpoLoss loss = grpo_loss(batch, config_.loss);
      const double share = micro_batch_share(
          config_.loss, part.mask.size(0), std::ssize(rollout.samples), std::ssize(parts));
      (loss.loss * share).backward();
      add(sums, part, now, loss, share);
    }
  }

  static void add(StepSums& sums,
                  const RolloutSlice& part,
                  const AnswerLogProbs& now,
                  const GrpoLoss& loss,
                  double share) {
    const double tokens = part.mask.sum().item<double>();
    const Tensor gap = torch::where(part.mask,
                                    (now.log_probs.detach().cpu() - part.sampled_log_probs).abs(),
                                    torch::zeros_like(part.sampled_log_probs));
    sums.loss += loss.loss.item<double>() * share;
    sums.kl += loss.kl * tokens;
    sums.entropy += now.entropy.detach().sum().item<double>();
    sums.correction += loss.correction_mean * tokens;
    sums.least_correction = std::min(sums.least_correction, loss.correction_least);
    sums.most_correction = std::max(sums.most_correction, loss.correction_most);
    sums.clip_low += loss.clip_low_share * tokens;
    sums.least_clip_low = std::min(sums.least_clip_low, loss.clip_low_share);
    sums.most_clip_high = std::max(sums.most_clip_high, loss.clip_high_share);
    sums.clip_high += loss.clip_high_share * tokens;
    sums.log_prob_gap += gap.sum().item<double>();
    sums.max_log_prob_gap = std::max(sums.max_log_prob_gap, gap.max().item<double>());
    sums.tokens += tokens;
  }

  struct Times {
    double sampled;
    double all;
  };

  std::string report_step(
      const Rollout& rollout, const StepSums& sums, double norm, double lr, Times times) {
    std::vector<report::Scalar> scalars = update_scalars(sums);
    for (const report::Scalar& scalar : rollout_scalars(rollout)) {
      if (scalar.tag == "reward") result_.last_reward = scalar.value;
      scalars.push_back(scalar);
    }
    for (const engine::Prompt& prompt : rollout.prompts)
      tokens_seen_ += static_cast<double>(prompt.ids.size());
    for (const engine::Sample& sample : rollout.samples)
      tokens_seen_ += static_cast<double>(sample.ids.size());
    scalars.insert(scalars.end(),
                   {{"grad_norm", norm},
                    {"learning_rate", lr},
                    {"num_tokens", tokens_seen_},
                    {"stage", static_cast<double>(curriculum_.stage_of(result_.steps - 1))},
                    {"step_time", times.all},
                    {"rollout_time", times.sampled}});
    files_.log(result_.steps, curriculum_.epoch_of(result_.steps), scalars);
    if (config_.log_completions_every > 0 &&
        (result_.steps - 1) % config_.log_completions_every == 0) {
      for (const std::string& line : completion_lines(rollout, result_.steps, encoder_))
        completions_->write(line);
    }
    return formatted(
        "reward={:.3f} loss={:.4f} grad_norm={:.3f}", result_.last_reward, sums.loss, norm);
  }

  [[nodiscard]] double rate_of(std::int64_t step) const {
    nn::OptimConfig optim = config_.optim;
    if (!config_.stage_lr.empty()) optim.lr = config_.stage_lr[curriculum_.stage_of(step)];
    return nn::learning_rate(optim, step, curriculum_.total_steps());
  }

  [[nodiscard]] double temperature() const {
    return config_.sampling.temperature > 0 ? config_.sampling.temperature : 1.0;
  }

  [[nodiscard]] RunNumbers numbers() const {
    return {{"step", static_cast<double>(result_.steps)},
            {"epoch", curriculum_.epoch_of(result_.steps)},
            {"max_steps", static_cast<double>(curriculum_.total_steps())},
            {"num_tokens", tokens_seen_}};
  }

  const GrpoConfig& config_;
  GrpoResult result_;
  engine::ChatEncoder encoder_;
  torch::Device device_;
  std::vector<data::Case> cases_;
  Curriculum curriculum_;
  TrainedModel trained_;
  engine::LanguageModel& model_;
  engine::LanguageModel reference_;
  TrainerFiles files_;
  RolloutConfig rollout_;
  std::unique_ptr<LineWriter> completions_;
  double tokens_seen_ = 0;
  std::int64_t update_ = 0;  ///< of the optimiser on the present rollout
};

}  // namespace

void GrpoConfig::check() const {
  check_given("out", out);
  check_given("model", model);
  if (cases.empty()) throw ConfigError("--cases is required");
  if (stages.empty()) throw ConfigError("--stages is empty");
  for (const std::string& stage : stages) parse_stage(stage);
  if (!stage_lr.empty() && stage_lr.size() != stages.size())
    throw ConfigError("--stage-lr wants one rate a stage");
  check_range("replay", replay, 0, 0.99);
  check_range("batch-prompts", static_cast<double>(batch_prompts), 1, 1e6);
  check_range("group-size", static_cast<double>(group_size), 2, 1e6);
  check_range("updates-per-rollout", static_cast<double>(updates_per_rollout), 1, 1e3);
  check_range("micro-prompts", static_cast<double>(micro_prompts), 1, 1e6);
  check_range("max-prompt-tokens", static_cast<double>(max_prompt_tokens), 1, 1e7);
  check_range("keep-checkpoints", static_cast<double>(keep_checkpoints), 1, 1e6);
  check_one_of("overlong", overlong, {"error", "skip"});
  check_group("advantage", advantage);
  check_group("loss", loss);
  check_group("reward", reward);
  check_group("sampling", sampling);
  check_group("optim", optim);
  check_group("lora", lora);
  check_group("prompt", prompt);
  runtime.check();
  if (sampling.temperature <= 0)
    throw ConfigError(
        "--sampling.temperature must be above 0: groups of equal answers teach nothing");
}

GrpoResult run_grpo(const GrpoConfig& config) {
  config.check();
  if (config.reward.scorer == "official")
    log::warn(
        "--reward.scorer official wants answers with the label Next_video, which the prompts here "
        "do "
        "not ask for: a policy that names a letter is paid by chance");
  nn::prepare_torch(config.runtime);
  const FolderLock lock(config.out);
  data::begin_run(config, "grpo-train", kMayDiffer);
  return GrpoLoop(config).run();
}

}  // namespace vragent::learning
