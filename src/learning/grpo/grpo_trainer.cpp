// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/grpo/grpo_trainer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "learning/grpo/curriculum.h"
#include "learning/grpo/grpo_metrics.h"
#include "learning/grpo/policy_gradients.h"
#include "vragent/data/run_dir.h"
#include "vragent/engine/native_chat.h"
#include "vragent/learning/grpo/rollout.h"
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

constexpr std::string_view kMayDiffer =
    "resume,overwrite,device,threads,log-completions-every,save-every,keep-checkpoints,"
    "max-skipped-updates,zero,dry-run,rehearse,gradient-checkpointing,sample-rows,";

/// Prompts whose answers one update learns from, where a step has as many as it should.
std::int64_t prompts_of_update(const GrpoConfig& config) {
  return config.mini_prompts > 0 ? config.mini_prompts : config.batch_prompts;
}

class GrpoLoop {
 public:
  GrpoLoop(const GrpoConfig& config, const comm::Communicator& processes)
      : config_(config),
        processes_(processes),
        encoder_(models::resolve_model(config.model)),
        device_(nn::parse_device(config.runtime.device)),
        asked_(load_fitting_cases(config.cases,
                                  encoder_,
                                  config.prompt,
                                  {.max_tokens = config.max_prompt_tokens,
                                   .overlong = config.overlong,
                                   .vocabulary = plan::shape_of(config.model).text.vocab_size})),
        curriculum_(asked_.cases,
                    config.stages,
                    config.batch_prompts,
                    config.replay,
                    static_cast<std::uint64_t>(config.runtime.seed)),
        trained_(load_trained_model(config.model, encoder_, config.lora, config.runtime, device_)),
        model_(trained_.language_model),
        files_(config.out, trained_.base, config.keep_checkpoints, trained_.adapter, processes),
        gradients_(config, trained_, processes) {
    model_.text().decoder->recomputes = config.gradient_checkpointing;
    result_.skipped_prompts = asked_.skipped;
    result_.truncated_prompts = asked_.truncated;
    rollout_ = {.group_size = config.group_size,
                .max_rows = config.sample_rows,
                .sampling = config.sampling,
                .prompt = config.prompt,
                .reward = config.reward,
                .advantage = config.advantage};
  }

  GrpoResult run() {
    if (const auto last = files_.finished(curriculum_.total_steps()); last && config_.resume) {
      log::info("{}: all {} steps are done", config_.out, curriculum_.total_steps());
      result_.steps = curriculum_.total_steps();
      result_.last_reward = number_of(*last, "reward");
      result_.skipped_updates = UpdateCount::saved_in(*last).skipped;
      return result_;
    }
    nn::ShardedAdamW optimizer(
        nn::decay_groups(nn::trainable_parameters(model_.module()), config_.optim.weight_decay),
        config_.optim,
        processes_,
        config_.zero);
    if (const auto restored = files_.open(config_.resume, model_.module(), optimizer)) {
      result_.steps = static_cast<std::int64_t>(restored->at("step"));
      tokens_seen_ = restored->at("num_tokens");
      result_.dropped_groups = static_cast<std::int64_t>(restored->at("dropped_groups"));
      updates_ = UpdateCount::saved_in(*restored);
      place_ = {static_cast<std::int64_t>(restored->at("stage_own")),
                static_cast<std::int64_t>(restored->at("stage_earlier"))};
    }
    if (processes_.rank() == 0) {
      report::cut_steps_after(completions_path(), result_.steps > 0 ? result_.steps : -1);
      completions_ = std::make_unique<LineWriter>(completions_path(), LineWriter::Mode::kAppend);
    }
    log::info("grpo cases={} steps={} prompts={} group={}",
              asked_.cases.size(),
              curriculum_.total_steps(),
              config_.batch_prompts,
              config_.group_size);
    const std::int64_t parts =
        (prompts_of_update(config_) + config_.micro_prompts - 1) / config_.micro_prompts;
    if (config_.micro_tokens == 0 && parts < processes_.size())
      log::warn(
          "{} micro-batches of an update for {} processes: the others only sample "
          "(--micro-prompts)",
          parts,
          processes_.size());
    plan(optimizer);
    Progress progress("steps", curriculum_.total_steps(), result_.steps);
    while (result_.steps < curriculum_.total_steps()) {
      try {
        progress.advance(1, step(optimizer));
      } catch (const Interrupted&) {
        log::info("step={} stopped while sampling, begins anew on resume", result_.steps + 1);
      }
      files_.save_or_stop(result_.steps, config_.save_every, model_.module(), optimizer, numbers());
    }
    if (flat_steps_ > 0)
      log::warn(
          "{} of {} steps had no two answers of a group that earn differently: nothing was "
          "learned from rewards in them",
          flat_steps_,
          taken_);
    updates_.check_any_done();
    result_.skipped_updates = updates_.skipped;
    files_.finish(result_.steps, model_.module(), numbers());
    return result_;
  }

 private:
  /// Logs the memory that the longest step takes, and computes it once where that is asked for.
  void plan(nn::ShardedAdamW& optimizer) {
    GrpoConfig longest = config_;
    longest.max_prompt_tokens = *std::max_element(asked_.tokens.begin(), asked_.tokens.end());
    log::info("{}", plan::memory_line(plan_grpo(longest, processes_.size())));
    if (rehearses(config_.rehearse, device_)) gradients_.rehearse(longest_rollout(), optimizer);
  }

  /// The longest prompts of an update, with answers of the longest length allowed.
  [[nodiscard]] Rollout longest_rollout() const {
    std::vector<engine::Prompt> prompts;
    for (const std::size_t i : longest_of(asked_.tokens, prompts_of_update(config_)))
      prompts.push_back(
          {.ids = encoder_
                      .encode(simulator::task_messages(asked_.cases[i], config_.prompt),
                              simulator::assistant_prefill(config_.prompt))
                      .ids});
    return filled_rollout(std::move(prompts), config_.group_size, config_.sampling.max_tokens);
  }

  [[nodiscard]] std::filesystem::path completions_path() const {
    return config_.out / data::kCompletionsFile;
  }

  /// The answers of a step: as many prompts as a step has, and more in place of flat groups.
  SampledStep sample(std::int64_t number) {
    if (curriculum_.begins_stage(number)) place_ = {};
    const auto ask = [&](std::int64_t count, std::int64_t round) {
      const std::uint64_t seed =
          mix_seed(static_cast<std::uint64_t>(config_.runtime.seed),
                   {hash_text("rollout"), static_cast<std::uint64_t>(number)});
      // A small file may bring a case again: its answers must be new ones.
      return roll_out(model_.text(),
                      encoder_,
                      curriculum_.next_cases(number, count, place_),
                      rollout_,
                      round == 0 ? seed : mix_seed(seed, {static_cast<std::uint64_t>(round)}),
                      processes_);
    };
    const Curriculum::Place before = place_;
    try {
      return sample_step(
          ask, curriculum_.prompts_of(number), config_.resample_rounds, config_.advantage);
    } catch (const Interrupted&) {
      place_ = before;
      throw;
    }
  }

  std::string step(nn::ShardedAdamW& optimizer) {
    const Stopwatch watch;
    const std::int64_t number = result_.steps;
    const SampledStep asked = sample(number);
    const Rollout& rollout = asked.learnt();
    const double sampled = watch.seconds();
    ++taken_;
    const double lr = rate_of(number);
    gradients_.begin(rollout, number);
    StepMeans means;
    const bool is_flat = (rollout.advantages == 0).all().item<bool>();
    if (is_flat && ++flat_steps_ == 1)
      log::warn(
          "step={}: the answers of every group earn the same, which teaches nothing (said once; "
          "frac_reward_zero_std counts)",
          number + 1);
    for (std::size_t update = 0; update < gradients_.updates(); ++update) {
      optimizer.zero_grad();
      const UpdateSums own = gradients_.compute(update);
      // Others may be in a backward still: they are joined here, before anything else is said.
      const double norm = optimizer.clip_gradients(config_.optim.clip);
      const UpdateSums sums = own.together(processes_);
      means.add(sums, norm);
      if (std::isfinite(norm) && std::isfinite(sums.loss)) {
        optimizer.step(lr);
        if (!gradients_.is_flat(update) && sums.tokens > 0) updates_.add_done();
      } else {
        log::warn("step={} update={} skipped: loss {} gradient norm {}",
                  number + 1,
                  update + 1,
                  sums.loss,
                  norm);
        updates_.add_skipped();
        updates_.check_row(config_.max_skipped_updates);
      }
    }
    optimizer.zero_grad();
    result_.steps += 1;
    return report_step(asked, means, lr, {sampled, watch.seconds()});
  }

  struct Times {
    double sampled;
    double all;
  };

  std::string report_step(const SampledStep& asked,
                          const StepMeans& means,
                          double lr,
                          Times times) {
    const Rollout& rollout = asked.all;
    std::vector<report::Scalar> scalars = means.scalars();
    for (const report::Scalar& scalar : rollout_scalars(rollout, config_.advantage)) {
      if (scalar.tag == "reward") result_.last_reward = scalar.value;
      scalars.push_back(scalar);
    }
    tokens_seen_ += static_cast<double>(tokens_seen(rollout));
    scalars.insert(scalars.end(),
                   {{"grad_norm", means.gradient_norm()},
                    {"learning_rate", lr},
                    {"num_tokens", tokens_seen_},
                    {"skipped_updates", static_cast<double>(updates_.skipped)},
                    {"stage", static_cast<double>(curriculum_.stage_of(result_.steps - 1))},
                    {"step_time", times.all},
                    {"rollout_time", times.sampled}});
    result_.dropped_groups += asked.dropped();
    for (const report::Scalar& scalar : sampling_scalars(asked)) scalars.push_back(scalar);
    files_.log(result_.steps, curriculum_.epoch_of(result_.steps), scalars);
    if (completions_ && config_.log_completions_every > 0 &&
        (result_.steps - 1) % config_.log_completions_every == 0) {
      for (const std::string& line :
           completion_lines(rollout, result_.steps, encoder_, config_.advantage, asked.is_kept))
        completions_->write(line);
    }
    return formatted("reward={:.3f} loss={:.4f} grad_norm={:.3f}",
                     result_.last_reward,
                     means.loss(),
                     means.gradient_norm());
  }

  [[nodiscard]] double rate_of(std::int64_t step) const {
    nn::OptimConfig optim = config_.optim;
    if (!config_.stage_lr.empty()) optim.lr = config_.stage_lr[curriculum_.stage_of(step)];
    return nn::learning_rate(optim, step, curriculum_.total_steps());
  }

  [[nodiscard]] RunNumbers numbers() const {
    RunNumbers numbers = {{"step", static_cast<double>(result_.steps)},
                          {"epoch", curriculum_.epoch_of(result_.steps)},
                          {"max_steps", static_cast<double>(curriculum_.total_steps())},
                          {"num_tokens", tokens_seen_},
                          {"dropped_groups", static_cast<double>(result_.dropped_groups)},
                          {"stage_own", static_cast<double>(place_.own)},
                          {"stage_earlier", static_cast<double>(place_.earlier)}};
    updates_.save_in(numbers);
    return numbers;
  }

  const GrpoConfig& config_;
  const comm::Communicator& processes_;
  GrpoResult result_;
  UpdateCount updates_;
  engine::ChatEncoder encoder_;
  torch::Device device_;
  FittingCases asked_;
  Curriculum curriculum_;
  TrainedModel trained_;
  engine::LanguageModel& model_;
  TrainerFiles files_;
  PolicyGradients gradients_;
  RolloutConfig rollout_;
  std::unique_ptr<LineWriter> completions_;  ///< of rank 0
  double tokens_seen_ = 0;
  Curriculum::Place place_;      ///< in the present stage
  std::int64_t flat_steps_ = 0;  ///< of this process's `taken_`
  std::int64_t taken_ = 0;
};

}  // namespace

void GrpoConfig::check() const {
  if (!dry_run) check_given("out", out);
  check_given("model", model);
  if (cases.empty() && !dry_run) throw ConfigError("--cases is required");
  if (stages.empty()) throw ConfigError("--stages is empty");
  for (const std::string& stage : stages) parse_stage(stage);
  if (!stage_lr.empty() && stage_lr.size() != stages.size())
    throw ConfigError("--stage-lr wants one rate a stage");
  check_range("replay", replay, 0, 0.99);
  check_range("batch-prompts", static_cast<double>(batch_prompts), 1, 1e6);
  check_range("group-size", static_cast<double>(group_size), 2, 1e6);
  check_range(
      "mini-prompts", static_cast<double>(mini_prompts), 0, static_cast<double>(batch_prompts));
  if (mini_prompts > 0 && batch_prompts % mini_prompts != 0)
    throw ConfigError(formatted("--mini-prompts must divide --batch-prompts; {} does not divide {}",
                                mini_prompts,
                                batch_prompts));
  check_range("updates-per-rollout", static_cast<double>(updates_per_rollout), 1, 1e3);
  check_range("micro-prompts", static_cast<double>(micro_prompts), 1, 1e6);
  check_range("sample-rows", static_cast<double>(sample_rows), 1, 1e6);
  check_range("max-prompt-tokens", static_cast<double>(max_prompt_tokens), 1, 1e7);
  check_range("keep-checkpoints", static_cast<double>(keep_checkpoints), 1, 1e6);
  check_range("max-skipped-updates", static_cast<double>(max_skipped_updates), 0, 1e12);
  check_range("resample-rounds", static_cast<double>(resample_rounds), 0, 1e3);
  check_range("micro-tokens", static_cast<double>(micro_tokens), 0, 1e9);
  check_range("zero", static_cast<double>(zero), 1, 2);
  check_one_of("overlong", overlong, {"error", "skip", "truncate"});
  check_one_of("rehearse", rehearse, {"auto", "on", "off"});
  check_group("plan", plan);
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

plan::TrainingRun plan_grpo(const GrpoConfig& config, std::int64_t ranks) {
  config.check();
  const std::int64_t longest = config.sampling.max_tokens;
  const std::int64_t group_tokens = config.max_prompt_tokens + config.group_size * longest;
  // Of a rank, in an update.
  const std::int64_t prompts = (prompts_of_update(config) + ranks - 1) / ranks;
  const std::int64_t together = std::min(config.micro_prompts, prompts);
  const std::int64_t limit = config.micro_tokens > 0
                                 ? std::max(config.micro_tokens, config.max_prompt_tokens + longest)
                                 : together * group_tokens;
  const std::int64_t micro_tokens = std::min(limit, prompts * group_tokens);
  const auto mean = [](double given, std::int64_t most) {
    return given > 0 ? given : static_cast<double>(most);
  };
  return {
      .model = plan::shape_of(config.model),
      .bf16 = config.runtime.dtype == "bfloat16",
      .lora = config.lora,
      .reference = config.loss.kl_coef > 0,
      .passes = config.updates_per_rollout,
      .updates = config.updates_per_rollout * (config.batch_prompts / prompts_of_update(config)),
      .ranks = ranks,
      .zero = config.zero,
      .micro_tokens = micro_tokens,
      .micro_targets = std::min(micro_tokens, together * config.group_size * longest),
      .several_parts = micro_tokens < prompts * group_tokens,
      .recomputes = config.gradient_checkpointing,
      .makes_again = plan::makes_inputs_again(config.runtime, config.plan),
      .prompts = config.batch_prompts,
      .group = config.group_size,
      .sample_rows = config.sample_rows,
      .copies = plan::packs_copies(config.runtime, config.plan),
      .max_prompt = config.max_prompt_tokens,
      .max_answer = longest,
      .prompt_tokens = mean(config.plan.prompt_tokens, config.max_prompt_tokens),
      .answer_tokens = mean(config.plan.answer_tokens, longest)};
}

GrpoResult run_grpo(const GrpoConfig& config, const comm::Communicator& processes) {
  config.check();
  if (config.reward.scorer == "official" && !simulator::asks_for_fields(config.prompt))
    log::warn(
        "--reward.scorer official wants answers with the label Next_video, which prompts ask for "
        "with --prompt.answer-form official: a policy that names a letter is paid by chance");
  nn::prepare_torch(config.runtime);
  std::optional<FolderLock> lock;
  if (processes.rank() == 0) {
    lock.emplace(config.out);
    data::begin_training(config, "grpo-train", std::string(kMayDiffer) + plan::kPlanFlags);
  }
  GrpoLoop loop(config, processes);
  log::info("at most: {}", plan::memory_line(plan_grpo(config, processes.size())));
  return loop.run();
}

}  // namespace vragent::learning
