// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/sft_trainer.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <numeric>
#include <optional>

#include "learning/best_weights.h"
#include "learning/sft_batch.h"
#include "vragent/comm/sharing.h"
#include "vragent/data/run_dir.h"
#include "vragent/learning/gradient_sum.h"
#include "vragent/learning/trained_model.h"
#include "vragent/learning/trainer_files.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

constexpr std::string_view kMayDiffer =
    "resume,overwrite,device,threads,log-every,valid-every,save-every,keep-checkpoints,max-skipped-"
    "updates,"
    "zero,dry-run,rehearse,gradient-checkpointing,";

class SftLoop {
 public:
  SftLoop(const SftConfig& config, const comm::Communicator& processes)
      : config_(config),
        processes_(processes),
        encoder_(models::resolve_model(config.model)),
        device_(nn::parse_device(config.runtime.device)),
        examples_(load_examples(config.train, config.prompt)),
        trained_(load_trained_model(config.model, encoder_, config.lora, config.runtime, device_)),
        model_(trained_.language_model),
        files_(config.out, trained_.base, config.keep_checkpoints, trained_.adapter, processes),
        best_(config.out),
        gradients_(nn::trainable_parameters(model_.module()), processes, config.zero) {
    model_.text().decoder->recomputes = config.gradient_checkpointing;
    vocabulary_ = plan::shape_of(config.model).text.vocab_size;
    if (!config.valid.empty()) valid_ = load_examples(config.valid, config.prompt);
    sizes_ = fit(examples_, config.train);
    valid_sizes_ = fit(valid_, config.valid);
    if (result_.skipped + result_.truncated > 0)
      log::warn("{} examples of more than {} tokens are skipped, {} cut",
                result_.skipped,
                config.max_length,
                result_.truncated);
    const auto size = static_cast<std::int64_t>(examples_.size());
    steps_per_epoch_ = (size + config.batch_size - 1) / config.batch_size;
    total_steps_ =
        static_cast<std::int64_t>(std::ceil(config.epochs * static_cast<double>(steps_per_epoch_)));
    if (config.max_steps > 0) total_steps_ = std::min(total_steps_, config.max_steps);
  }

  SftResult run() {
    if (const auto last = files_.finished(total_steps_); last && config_.resume) {
      log::info("{}: all {} steps are done", config_.out, total_steps_);
      return result_of(*last);
    }
    nn::ShardedAdamW optimizer(
        nn::decay_groups(nn::trainable_parameters(model_.module()), config_.optim.weight_decay),
        config_.optim,
        processes_,
        config_.zero);
    const auto restored = files_.open(config_.resume, model_.module(), optimizer);
    if (restored) resume_from(*restored);
    plan(optimizer);
    log::info(
        "sft examples={} steps={} batch={}", examples_.size(), total_steps_, config_.batch_size);
    Progress progress("steps", total_steps_, result_.steps);
    auto next = fetch(result_.steps);
    while (result_.steps < total_steps_) {
      const SftStep batch = next.get();
      if (result_.steps + 1 < total_steps_) next = fetch(result_.steps + 1);
      step(optimizer, batch);
      progress.advance(1, has_loss_ ? formatted("loss={:.4f}", result_.train_loss) : "");
      updates_.check_row(config_.max_skipped_updates);
      files_.save_or_stop(result_.steps, config_.save_every, model_.module(), optimizer, numbers());
    }
    if (!valid_.empty() && eval_step_ != result_.steps) validate();  // no step was taken
    if (config_.keep == "best" && best_.step()) {
      processes_.barrier();  // rank 0 has written them
      best_.restore(model_.module());
      result_.valid_loss = best_.loss();
    }
    if (config_.keep == "best" && !best_.step())
      log::warn("no validation loss is finite: the last weights are written, not the best");
    updates_.check_any_done();
    result_.skipped_updates = updates_.skipped;
    files_.finish(result_.steps, model_.module(), numbers());
    if (processes_.rank() == 0) best_.discard();
    return result_;
  }

 private:
  [[nodiscard]] SftBatchConfig batch_config() const {
    return {.all_tokens = config_.loss_on == "all",
            .max_length = config_.max_length,
            .truncate = config_.overlong == "truncate",
            .micro_tokens = config_.micro_tokens,
            .vocabulary = vocabulary_};
  }

  /// Takes out what is too long and measures the rest. Reading every image for that is done only
  /// where it must be; then there are no sizes.
  FittedExamples fit(std::vector<ChatExample>& examples, const std::filesystem::path& path) {
    const bool asked = config_.overlong != "error" || rehearses(config_.rehearse, device_);
    const bool sees = std::any_of(examples.begin(), examples.end(), sees_images);
    if (examples.empty() || (sees && !asked)) return {};
    FittedExamples fitted =
        fit_examples(examples, encoder_, batch_config(), config_.overlong, processes_);
    if (examples.empty()) throw DataError(formatted("{}: every example is too long", path));
    result_.skipped += fitted.skipped;
    result_.truncated += fitted.truncated;
    return fitted;
  }

  [[nodiscard]] static SizedExample sized(const std::vector<ChatExample>& examples,
                                          const FittedExamples& sizes,
                                          std::size_t i) {
    if (sizes.tokens.empty()) return {&examples[i]};
    return {&examples[i], sizes.tokens[i], sizes.targets[i]};
  }

  struct LongestPart {
    SftBatch batch;
    bool has_others = false;  ///< in its step
  };

  /// The examples of a step that could be the longest, and the largest of its micro-batches; where
  /// processes share the examples, the longest that one of them could get.
  [[nodiscard]] LongestPart longest_part() const {
    const std::int64_t sharers = config_.micro_tokens > 0 ? 1 : processes_.size();
    std::vector<SizedExample> chosen;
    for (const std::size_t i :
         longest_of(sizes_.tokens, (config_.batch_size + sharers - 1) / sharers))
      chosen.push_back(sized(examples_, sizes_, i));
    std::vector<SftBatch> parts = make_sft_batches(chosen, encoder_, batch_config()).parts;
    const auto longest =
        std::max_element(parts.begin(), parts.end(), [](const SftBatch& a, const SftBatch& b) {
          return a.ids.size(0) < b.ids.size(0);
        });
    return {std::move(*longest), parts.size() > 1};
  }

  /// Logs the memory that the longest step takes, and computes it once where that is asked for.
  void plan(nn::ShardedAdamW& optimizer) {
    if (sizes_.tokens.empty()) return;
    const auto [longest, has_others] = longest_part();
    plan::TrainingRun run = plan_sft(config_, processes_.size());
    run.micro_tokens = longest.ids.size(0);
    run.micro_targets = longest.targets.size(0);
    log::info("{}", plan::memory_line(run));
    if (!rehearses(config_.rehearse, device_)) return;
    rehearse_backward({run.micro_tokens, has_others}, optimizer, gradients_, [&, &batch = longest] {
      return target_log_probs(model_, batch, device_).mean();
    });
  }

  [[nodiscard]] SftResult result_of(const RunNumbers& last) const {
    SftResult result{.steps = total_steps_,
                     .skipped = result_.skipped,
                     .truncated = result_.truncated,
                     .skipped_updates = UpdateCount::saved_in(last).skipped};
    if (last.contains("loss")) result.train_loss = last.at("loss");
    if (last.contains("eval_loss")) result.valid_loss = last.at("eval_loss");
    if (config_.keep == "best" && last.contains("best_loss"))
      result.valid_loss = last.at("best_loss");
    return result;
  }

  void resume_from(const RunNumbers& saved) {
    result_.steps = static_cast<std::int64_t>(saved.at("step"));
    tokens_ = saved.at("num_tokens");
    interval_loss_ = saved.at("interval_loss");
    interval_steps_ = static_cast<std::int64_t>(saved.at("interval_steps"));
    updates_ = UpdateCount::saved_in(saved);
    if (saved.contains("eval_step")) eval_step_ = static_cast<std::int64_t>(saved.at("eval_step"));
    if (eval_step_ >= 0)
      result_.valid_loss = saved.contains("eval_loss") ? saved.at("eval_loss") : std::nan("");
    if (saved.contains("best_step"))
      best_.set(saved.at("best_loss"), static_cast<std::int64_t>(saved.at("best_step")));
  }

  /// The batch of one step, made in the background: its rows depend on seed and step alone.
  std::future<SftStep> fetch(std::int64_t step) {
    return std::async(std::launch::async, [this, step] { return batch_of(step); });
  }

  [[nodiscard]] SftStep batch_of(std::int64_t step) const {
    const std::int64_t epoch = step / steps_per_epoch_;
    std::vector<std::size_t> order(examples_.size());
    std::iota(order.begin(), order.end(), 0);
    RandomStream(mix_seed(static_cast<std::uint64_t>(config_.runtime.seed),
                          {hash_text("sft order"), static_cast<std::uint64_t>(epoch)}))
        .shuffle(order);
    const auto begin = static_cast<std::size_t>(step % steps_per_epoch_ * config_.batch_size);
    const auto end = std::min(order.size(), begin + static_cast<std::size_t>(config_.batch_size));
    std::vector<SizedExample> chosen;
    for (std::size_t i = begin; i < end; ++i) chosen.push_back(sized(examples_, sizes_, order[i]));
    return make_sft_batches(chosen, encoder_, batch_config(), processes_);
  }

  void step(nn::ShardedAdamW& optimizer, const SftStep& batch) {
    const Stopwatch watch;
    const double lr = nn::learning_rate(config_.optim, result_.steps, total_steps_);
    optimizer.zero_grad();
    const double own = accumulate(batch);
    const double norm = optimizer.clip_gradients(config_.optim.clip);
    const double value = comm::sum_of(processes_, own);  // behind the collectives of backward
    if (std::isfinite(value) && std::isfinite(norm)) {
      optimizer.step(lr);
      updates_.add_done();
      interval_loss_ += value;
      interval_steps_ += 1;
    } else {
      log::warn("step={}: its update is skipped: loss {} gradient norm {}",
                result_.steps + 1,
                value,
                norm);
      updates_.add_skipped();
    }
    result_.steps += 1;
    if (result_.steps % config_.log_every == 0 || result_.steps == total_steps_)
      report_interval(norm, lr, watch.seconds());
    const bool measures = result_.steps == total_steps_ ||
                          (config_.valid_every > 0 && result_.steps % config_.valid_every == 0);
    if (measures && !valid_.empty()) validate();
  }

  /// Logs the mean loss of the steps since the last line whose updates were not skipped; none is
  /// null.
  void report_interval(double norm, double lr, double seconds) {
    const double loss = interval_loss_ / static_cast<double>(interval_steps_);
    if (interval_steps_ > 0) result_.train_loss = loss;
    has_loss_ = has_loss_ || interval_steps_ > 0;
    files_.log(result_.steps,
               epoch(),
               {{"loss", loss},
                {"grad_norm", norm},
                {"learning_rate", lr},
                {"num_tokens", tokens_},
                {"skipped_updates", static_cast<double>(updates_.skipped)},
                {"step_time", seconds}});
    interval_loss_ = 0;
    interval_steps_ = 0;
  }

  /// Gradients of this process's share of the mean over the targets of all. @return that share
  double accumulate(const SftStep& batch) {
    double value = 0;
    for (const SftBatch& part : batch.parts) {
      const Tensor loss = -dropping_log_probs(part).sum() / batch.targets;
      value += loss.item<double>();
      loss.backward();
      if (batch.parts.size() > 1) gradients_.add();
    }
    gradients_.finish();
    tokens_ += batch.tokens;
    return value;
  }

  Tensor dropping_log_probs(const SftBatch& batch) {
    const std::uint64_t seed =
        mix_seed(static_cast<std::uint64_t>(config_.runtime.seed),
                 {hash_text("lora dropout"), static_cast<std::uint64_t>(result_.steps)});
    const nn::AdapterDropout dropout(
        model_.module(), batch.number == 0 ? seed : mix_seed(seed, {batch.number}), batch.rows);
    return target_log_probs(model_, batch, device_);
  }

  void validate() {
    const torch::NoGradGuard no_grad;
    double sum = 0;
    double count = 0;
    for (std::size_t begin = 0; begin < valid_.size();
         begin += static_cast<std::size_t>(config_.batch_size)) {
      std::vector<SizedExample> chosen;
      for (std::size_t i = begin;
           i < std::min(valid_.size(), begin + static_cast<std::size_t>(config_.batch_size));
           ++i)
        chosen.push_back(sized(valid_, valid_sizes_, i));
      const SftStep batch = make_sft_batches(chosen, encoder_, batch_config(), processes_);
      count += batch.targets;
      for (const SftBatch& part : batch.parts)
        sum -= target_log_probs(model_, part, device_).sum().item<double>();
    }
    sum = comm::sum_of(processes_, sum);
    result_.valid_loss = sum / std::max(count, 1.0);
    eval_step_ = result_.steps;
    files_.log(result_.steps, epoch(), {{"eval_loss", *result_.valid_loss}});
    const bool writes = config_.keep == "best" && processes_.rank() == 0;
    if (best_.offer(*result_.valid_loss, result_.steps, model_.module(), writes))
      log::info("step={} eval_loss={:.4f} is the best so far", result_.steps, best_.loss());
  }

  [[nodiscard]] double epoch() const {
    return static_cast<double>(result_.steps) / static_cast<double>(steps_per_epoch_);
  }

  [[nodiscard]] RunNumbers numbers() const {
    RunNumbers numbers = {{"step", static_cast<double>(result_.steps)},
                          {"epoch", epoch()},
                          {"max_steps", static_cast<double>(total_steps_)},
                          {"num_tokens", tokens_},
                          {"interval_loss", interval_loss_},
                          {"interval_steps", static_cast<double>(interval_steps_)},
                          {"eval_step", static_cast<double>(eval_step_)}};
    updates_.save_in(numbers);
    if (result_.valid_loss && std::isfinite(*result_.valid_loss))
      numbers["eval_loss"] = *result_.valid_loss;  // the file of numbers has no others
    if (!best_.step()) return numbers;
    numbers["best_loss"] = best_.loss();
    numbers["best_step"] = static_cast<double>(*best_.step());
    numbers["ends_with_best"] = config_.keep == "best" ? 1 : 0;
    return numbers;
  }

  const SftConfig& config_;
  const comm::Communicator& processes_;
  engine::ChatEncoder encoder_;
  torch::Device device_;
  std::vector<ChatExample> examples_;
  std::vector<ChatExample> valid_;
  FittedExamples sizes_;  ///< of the examples; none where they were not measured
  FittedExamples valid_sizes_;
  std::int64_t vocabulary_ = 0;
  TrainedModel trained_;
  engine::LanguageModel& model_;
  TrainerFiles files_;
  BestWeights best_;
  GradientSum gradients_;
  std::int64_t steps_per_epoch_ = 1;
  std::int64_t total_steps_ = 0;
  SftResult result_;
  UpdateCount updates_;
  double interval_loss_ = 0;
  std::int64_t interval_steps_ = 0;
  bool has_loss_ = false;  ///< an interval has ended
  double tokens_ = 0;
  std::int64_t eval_step_ = -1;  ///< of the last validation; -1 before the first
};

}  // namespace

void SftConfig::check() const {
  if (!dry_run) check_given("out", out);
  check_given("model", model);
  if (!dry_run) check_given("train", train);
  check_range("batch-size", static_cast<double>(batch_size), 1, 1e6);
  check_range("epochs", epochs, 0, 1e6);
  check_range("max-steps", static_cast<double>(max_steps), 0, 1e12);
  check_range("max-length", static_cast<double>(max_length), 2, 1e7);
  check_range("micro-tokens", static_cast<double>(micro_tokens), 0, 1e9);
  check_one_of("overlong", overlong, {"error", "skip", "truncate"});
  check_one_of("rehearse", rehearse, {"auto", "on", "off"});
  check_group("plan", plan);
  check_one_of("loss-on", loss_on, {"answer", "all"});
  check_one_of("keep", keep, {"last", "best"});
  if (keep == "best" && valid.empty() && !dry_run) throw ConfigError("--keep best needs --valid");
  check_range("log-every", static_cast<double>(log_every), 1, 1e9);
  check_range("save-every", static_cast<double>(save_every), 0, 1e12);
  check_range("keep-checkpoints", static_cast<double>(keep_checkpoints), 1, 1e6);
  check_range("max-skipped-updates", static_cast<double>(max_skipped_updates), 0, 1e12);
  check_range("zero", static_cast<double>(zero), 1, 2);
  check_group("optim", optim);
  check_group("lora", lora);
  check_group("prompt", prompt);
  runtime.check();
}

plan::TrainingRun plan_sft(const SftConfig& config, std::int64_t ranks) {
  config.check();
  const double tokens = static_cast<double>(config.batch_size) *
                        (config.plan.prompt_tokens + config.plan.answer_tokens > 0
                             ? config.plan.prompt_tokens + config.plan.answer_tokens
                             : static_cast<double>(config.max_length));
  const std::int64_t rank_tokens = (config.batch_size + ranks - 1) / ranks * config.max_length;
  const std::int64_t limit = std::max(config.micro_tokens, config.max_length);
  const bool is_cut = config.micro_tokens > 0 && limit < rank_tokens;
  const std::int64_t micro_tokens = is_cut ? limit : rank_tokens;
  return {.model = plan::shape_of(config.model),
          .bf16 = config.runtime.dtype == "bfloat16",
          .lora = config.lora,
          .ranks = ranks,
          .zero = config.zero,
          .micro_tokens = micro_tokens,
          .micro_targets = micro_tokens,
          .several_parts = is_cut,
          .recomputes = config.gradient_checkpointing,
          .makes_again = plan::makes_inputs_again(config.runtime, config.plan),
          .prompt_tokens = tokens,
          .answer_tokens = config.loss_on == "answer" && config.plan.answer_tokens > 0
                               ? config.plan.answer_tokens * static_cast<double>(config.batch_size)
                               : tokens};
}

SftResult run_sft(const SftConfig& config, const comm::Communicator& processes) {
  config.check();
  nn::prepare_torch(config.runtime);
  std::optional<FolderLock> lock;
  if (processes.rank() == 0) {
    lock.emplace(config.out);
    data::begin_training(config, "sft", std::string(kMayDiffer) + plan::kPlanFlags);
  }
  SftLoop loop(config, processes);
  log::info("at most: {}", plan::memory_line(plan_sft(config, processes.size())));
  return loop.run();
}

}  // namespace vragent::learning
