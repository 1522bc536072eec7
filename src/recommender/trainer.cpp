// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "vragent/comm/sharing.h"
#include "vragent/nn/autocast.h"
#include "vragent/nn/checkpoint.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/nn/parameters.h"
#include "vragent/ops/linear/packed_linear.h"
#include "vragent/report/train_log.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/random.h"

namespace vragent::recommender {
namespace {

using torch::Tensor;

/// The encoders of texts and pictures have their own rates and no decay, and so has the layer
/// behind a video encoder; everything else decays (as the release groups them).
std::vector<nn::ParameterGroup> parameter_groups(const Recommender& model,
                                                 const LoopConfig& config) {
  const auto scale_of = [&](double lr) { return config.optim.lr > 0 ? lr / config.optim.lr : 0.0; };
  nn::ParameterGroup text{.lr_scale = scale_of(config.text_lr)};
  nn::ParameterGroup vision{.lr_scale = scale_of(config.vision_lr)};
  nn::ParameterGroup rest{.weight_decay = config.optim.weight_decay};
  const bool sees_videos = model->items->vision && model->items->vision->config.is_video();
  for (const nn::NamedParameter& parameter : nn::trainable_parameters(*model)) {
    const bool is_video_head = sees_videos && parameter.name.starts_with("items.project.");
    const bool is_vision = is_video_head || parameter.name.starts_with("items.vision.");
    nn::ParameterGroup& group = parameter.name.starts_with("items.encoder.") ? text
                                : is_vision                                  ? vision
                                                                             : rest;
    group.parameters.push_back(parameter);
  }
  return {text, vision, rest};
}

/// Everything a run needs to go on where it stopped.
struct RunState {
  std::int64_t epoch = 0;          ///< finished epochs
  std::int64_t step = 0;           ///< finished steps of all epochs
  double epoch_loss = 0;           ///< sum over the finished steps of the epoch under way
  std::int64_t epoch_skipped = 0;  ///< steps of that epoch left out of it
  TrainingResult result;
  nn::NamedTensors best;
};

/// Rank 0 writes; the others wait for it.
void save(const RunState& state,
          const torch::nn::Module& module,
          const nn::NamedTensors& moments,
          const TrainingInput& input) {
  nn::TrainingState saved;
  saved.add("optimizer.", moments);
  saved.add("model.", nn::parameters_of(module));
  saved.add("best.", state.best);
  saved.numbers = {{"epoch", static_cast<double>(state.epoch)},
                   {"step", static_cast<double>(state.step)},
                   {"epoch_loss", state.epoch_loss},
                   {"epoch_skipped", static_cast<double>(state.epoch_skipped)},
                   {"skipped_steps", static_cast<double>(state.result.skipped_steps)},
                   {"best_epoch", static_cast<double>(state.result.best_epoch)},
                   {"best_valid", state.result.best_valid}};
  if (input.processes.rank() == 0)
    nn::save_training_state(input.run_folder / kCheckpointFolder, saved);
  input.processes.barrier();
}

RunState restore(torch::nn::Module& module,
                 nn::ShardedAdamW& optimizer,
                 const std::filesystem::path& folder) {
  const nn::TrainingState saved = nn::load_training_state(folder / kCheckpointFolder);
  const nn::NamedTensors parameters = saved.with_prefix("model.");
  nn::load_parameters(module, nn::lookup_in(parameters), (folder / kCheckpointFolder).string());
  optimizer.load_state(saved.with_prefix("optimizer."), (folder / kCheckpointFolder).string());
  RunState state;
  state.epoch = static_cast<std::int64_t>(saved.numbers.at("epoch"));
  state.step = static_cast<std::int64_t>(saved.numbers.at("step"));
  state.epoch_loss = saved.numbers.at("epoch_loss");
  const auto count_of = [&](const char* name) {  // older checkpoints have none
    const auto found = saved.numbers.find(name);
    return found == saved.numbers.end() ? 0 : static_cast<std::int64_t>(found->second);
  };
  state.epoch_skipped = count_of("epoch_skipped");
  state.result.skipped_steps = count_of("skipped_steps");
  state.result.best_epoch = static_cast<std::int64_t>(saved.numbers.at("best_epoch"));
  state.result.best_valid = saved.numbers.at("best_valid");
  state.best = saved.with_prefix("best.");
  return state;
}

/// Which rows of the batch, and which of its real positions, belong to this process.
rec_models::BatchPart part_of(std::span<const TrainingRow* const> rows, const comm::Share& own) {
  const auto positions_of = [](std::span<const TrainingRow* const> chosen) {
    std::int64_t sum = 0;
    for (const TrainingRow* row : chosen)
      sum += std::ssize(row->items) - 1;  // the last is no input
    return sum;
  };
  return {.users = {static_cast<std::int64_t>(own.begin), std::ssize(rows)},
          .positions = {positions_of(rows.first(own.begin)), positions_of(rows)}};
}

double num_targets(std::span<const TrainingRow* const> rows) {
  std::int64_t sum = 0;
  for (const TrainingRow* row : rows) sum += row->num_targets();
  return static_cast<double>(sum);
}

nn::NamedTensors copy_of(const nn::NamedTensors& tensors) {
  nn::NamedTensors copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.clone();
  return copies;
}

/// The first tensor with a value that is not finite, or "".
std::string first_broken(const nn::NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.isfinite().all().item<bool>()) return name;
  }
  return "";
}

class Loop {
 public:
  Loop(const Learner& learner, const LoopConfig& config, const TrainingInput& input)
      : learner_(learner),
        config_(config),
        input_(input),
        processes_(input.processes),
        optimizer_(learner.groups, config.optim, input.processes),
        steps_per_epoch_((static_cast<std::int64_t>(learner.num_examples) + config.batch_size - 1) /
                         config.batch_size) {}

  TrainingResult run() {
    const bool resumed =
        input_.resume && std::filesystem::exists(input_.run_folder / kCheckpointFolder);
    comm::check_same(processes_, resumed ? 1 : 0, input_.run_folder.string());
    if (resumed) {
      state_ = restore(learner_.module, optimizer_, input_.run_folder);
      comm::check_same(processes_, state_.step, input_.run_folder.string());
      log::info("resume epoch={} step={}", state_.epoch, state_.step);
      if (state_.epoch > config_.epochs)
        log::warn(
            "{}: {} epochs have run, more than --epochs {}; the run is evaluated as it "
            "stands (a shorter one wants another --out)",
            input_.run_folder,
            state_.epoch,
            config_.epochs);
    } else {
      state_.best = copy_of(nn::parameters_of(learner_.module));
    }
    std::optional<report::TrainLog> curves;
    if (processes_.rank() == 0) curves.emplace(input_.run_folder, resumed ? state_.epoch : -1);
    Progress progress("epochs", config_.epochs, state_.epoch);
    while (state_.epoch < config_.epochs && !out_of_patience()) {
      const double loss = run_epoch();
      const metrics::CutoffMetrics valid = validate();
      if (curves) {
        curves->write(state_.epoch,
                      {{"loss", loss},
                       {"valid_hr@10", valid.hit_rate},
                       {"valid_ndcg@10", valid.ndcg},
                       {"learning_rate", last_lr_},
                       {"skipped_steps", static_cast<double>(state_.result.skipped_steps)}});
      }
      save_all();
      progress.advance(1,
                       formatted("loss={:.4f} valid_{}={:.4f} best={:.4f}",
                                 loss,
                                 config_.select_metric,
                                 selecting_value(valid),
                                 state_.result.best_valid));
    }
    nn::load_parameters(learner_.module, nn::lookup_in(state_.best), "best epoch");
    state_.result.epochs_run = state_.epoch;
    return state_.result;
  }

 private:
  [[nodiscard]] bool out_of_patience() const {
    return config_.patience > 0 && state_.epoch - state_.result.best_epoch >= config_.patience;
  }

  double run_epoch() {
    // The order of an epoch and the dropout of a step depend on the seed and their numbers alone:
    // that makes resuming exact.
    const auto epoch = static_cast<std::uint64_t>(state_.epoch);
    std::vector<std::size_t> order(learner_.num_examples);
    std::iota(order.begin(), order.end(), 0);
    RandomStream(mix_seed(input_.seed, {hash_text("order"), epoch})).shuffle(order);
    learner_.module.train();
    for (std::int64_t s = state_.step - state_.epoch * steps_per_epoch_; s < steps_per_epoch_;
         ++s) {
      stop_if_interrupted();
      torch::manual_seed(
          mix_seed(input_.seed, {hash_text("dropout"), static_cast<std::uint64_t>(state_.step)}));
      const auto begin = static_cast<std::size_t>(s * config_.batch_size);
      const auto end = std::min(order.size(), begin + static_cast<std::size_t>(config_.batch_size));
      last_lr_ = nn::learning_rate(config_.optim, state_.step, config_.epochs * steps_per_epoch_);
      const std::vector<std::size_t> examples(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                              order.begin() + static_cast<std::ptrdiff_t>(end));
      const StepNumbers numbers = train_step(
          learner_,
          optimizer_,
          examples,
          mix_seed(input_.seed, {hash_text("draws"), static_cast<std::uint64_t>(state_.step)}),
          {.lr = last_lr_,
           .clip = config_.optim.clip,
           .at_once = static_cast<std::size_t>(config_.examples_at_once())},
          processes_);
      if (numbers.are_finite()) {
        state_.epoch_loss += numbers.loss;
      } else {
        leave_out(numbers, examples);
      }
      state_.step += 1;
      const bool is_due = config_.save_every > 0 && state_.step % config_.save_every == 0;
      if (is_due && s + 1 < steps_per_epoch_) save_all();
    }
    return finish_epoch();
  }

  /// @return the mean loss of the epoch's steps
  double finish_epoch() {
    check_finite(nn::parameters_of(learner_.module));
    const std::int64_t counted = steps_per_epoch_ - std::exchange(state_.epoch_skipped, 0);
    state_.epoch += 1;
    if (counted == 0)
      throw Error(ExitCode::kInternal,
                  formatted("every step of epoch {} had a loss or a gradient norm that is not "
                            "finite; the last checkpoint is untouched",
                            state_.epoch));
    return std::exchange(state_.epoch_loss, 0.0) / static_cast<double>(counted);
  }

  /// The step has updated nothing: it ends the run, or is counted.
  void leave_out(const StepNumbers& numbers, const std::vector<std::size_t>& examples) {
    constexpr std::size_t kNamed = 20;
    const auto users_among = [&](std::size_t count) {
      std::string users;
      for (std::size_t i = 0; i < count; ++i) {
        const auto user = static_cast<std::size_t>(learner_.user_of(examples[i]));
        users += (i == 0 ? "" : " ") + input_.sequences.user_ids[user];
      }
      return users;
    };
    const std::size_t named = std::min(kNamed, examples.size());
    // A NaN's sign means nothing.
    std::string what = std::isfinite(numbers.loss)
                           ? formatted("gradient norm is {}", std::abs(numbers.grad_norm))
                           : formatted("loss is {}", std::abs(numbers.loss));
    what += formatted(
        " at step {} (epoch {}), users {}", state_.step + 1, state_.epoch + 1, users_among(named));
    if (named < examples.size()) what += formatted(" and {} more", examples.size() - named);
    log::debug("step={} users={}", state_.step + 1, users_among(examples.size()));
    if (config_.on_nan == "stop")
      throw Error(
          ExitCode::kInternal,
          what + "; the last checkpoint is untouched (--on-nan skip leaves such steps out)");
    log::warn("step skipped: {}", what);
    state_.epoch_skipped += 1;
    state_.result.skipped_steps += 1;
  }

  /// @throws Error when one of these tensors, of any process, is not finite: it reaches no
  /// checkpoint
  void check_finite(const nn::NamedTensors& tensors) const {
    const std::string broken = first_broken(tensors);
    if (comm::sum_of(processes_, broken.empty() ? 0.0 : 1.0) == 0) return;
    throw Error(ExitCode::kInternal,
                formatted("{} is not finite after step {} (epoch {}): training diverged; the last "
                          "checkpoint is untouched",
                          broken.empty() ? "a tensor of another process" : broken,
                          state_.step,
                          (state_.step - 1) / steps_per_epoch_ + 1));
  }

  void save_all() {
    const nn::NamedTensors moments = optimizer_.state();
    check_finite(nn::parameters_of(learner_.module));
    check_finite(moments);
    save(state_, learner_.module, moments, input_);
  }

  void stop_if_interrupted() {
    if (!comm::stop_agreed(processes_)) return;
    save_all();
    throw Interrupted(
        formatted("step {} is saved; run the same command with --resume to go on", state_.step));
  }

  [[nodiscard]] double selecting_value(const metrics::CutoffMetrics& valid) const {
    return config_.select_metric == "ndcg@10" ? valid.ndcg : valid.hit_rate;
  }

  metrics::CutoffMetrics validate() {
    const Evaluation valid =
        evaluate(input_.sequences,
                 data::Split::kValid,
                 learner_.ranker(),
                 {.cutoffs = {10}, .mask_history = config_.mask_history, .processes = processes_});
    const metrics::CutoffMetrics& at_ten = valid.all.cutoffs[0];
    const double value = selecting_value(at_ten);
    if (state_.result.best_epoch == 0 || value > state_.result.best_valid) {
      state_.result.best_valid = value;
      state_.result.best_epoch = state_.epoch;
      state_.best.clear();  // not beside the new one
      state_.best = copy_of(nn::parameters_of(learner_.module));
    }
    return at_ten;
  }

  const Learner& learner_;
  const LoopConfig& config_;
  const TrainingInput& input_;
  const comm::Communicator& processes_;
  nn::ShardedAdamW optimizer_;
  std::int64_t steps_per_epoch_;
  RunState state_;
  double last_lr_ = 0;
};

}  // namespace

void LoopConfig::check() const {
  check_range("batch-size", static_cast<double>(batch_size), 1, 1e9);
  check_range("micro-batch", static_cast<double>(micro_batch), 0, 1e9);
  check_range("epochs", static_cast<double>(epochs), 0, 1e9);
  check_range("save-every", static_cast<double>(save_every), 0, 1e9);
  check_range("patience", static_cast<double>(patience), 0, 1e9);
  check_range("text-lr", text_lr, 0, 100);
  check_range("vision-lr", vision_lr, 0, 100);
  check_group("optim", optim);
  check_one_of("select-metric", select_metric, {"hr@10", "ndcg@10"});
  check_one_of("on-nan", on_nan, {"stop", "skip"});
}

RecommenderImpl::RecommenderImpl(ItemTower tower, rec_models::UserEncoder encoder)
    : items(register_module("items", std::move(tower))),
      users(register_module("users", std::move(encoder))) {}

ScoreFunction model_ranker(Recommender model,
                           const data::Sequences& sequences,
                           torch::Device device) {
  const torch::NoGradGuard no_grad;
  model->eval();
  const Tensor vectors = model->items->all_vectors();
  return [model, vectors, &sequences, device](const std::vector<std::int64_t>& users,
                                              data::Split split) mutable {
    const torch::NoGradGuard inner_no_grad;
    const Tensor places = padded_inputs(sequences, users, split).to(device);
    return ops::linear(model->users->last(vectors, places), vectors);
  };
}

std::vector<double> popularity_of(const std::vector<TrainingRow>& rows, std::int64_t num_items) {
  std::vector<double> counts(static_cast<std::size_t>(num_items) + 1, 0.0);
  double total = 0;
  for (const TrainingRow& row : rows) {
    for (auto i = static_cast<std::size_t>(row.first_counted()); i < row.items.size(); ++i) {
      counts[static_cast<std::size_t>(row.items[i])] += 1;
      total += 1;
    }
  }
  // What stands only as a negative counts as if watched once: less would make it loom in the loss.
  for (const TrainingRow& row : rows) {
    for (const std::int32_t item : row.negatives) {
      double& count = counts[static_cast<std::size_t>(item)];
      count = std::max(count, 1.0);
    }
  }
  for (double& count : counts) count /= std::max(total, 1.0);
  // An item that stands only in inputs of such rows still needs a finite logarithm.
  for (double& share : counts) share = std::max(share, 1e-12);
  return counts;
}

TrainingResult run_loop(const Learner& learner,
                        const LoopConfig& config,
                        const TrainingInput& input) {
  return Loop(learner, config, input).run();
}

StepNumbers train_step(const Learner& learner,
                       nn::ShardedAdamW& optimizer,
                       const std::vector<std::size_t>& examples,
                       std::uint64_t draw_seed,
                       const StepConfig& step,
                       const comm::Communicator& processes) {
  const auto num_targets = [&](const std::vector<std::size_t>& chosen) {
    std::int64_t sum = 0;
    for (const std::size_t i : chosen) sum += learner.targets_of ? learner.targets_of(i) : 1;
    return static_cast<double>(sum);
  };
  const std::size_t most = std::min(step.at_once, examples.size());
  StepNumbers numbers;
  optimizer.zero_grad();
  for (std::size_t begin = 0; begin < examples.size(); begin += most) {
    const std::size_t end = std::min(examples.size(), begin + most);
    const std::vector<std::size_t> part(examples.begin() + static_cast<std::ptrdiff_t>(begin),
                                        examples.begin() + static_cast<std::ptrdiff_t>(end));
    const std::uint64_t part_seed = begin == 0 ? draw_seed : mix_seed(draw_seed, {begin});
    if (begin > 0) torch::manual_seed(mix_seed(part_seed, {hash_text("dropout")}));
    Tensor loss = learner.loss(part, part_seed);
    if (most < examples.size()) loss = loss * (num_targets(part) / num_targets(examples));
    numbers.loss += comm::sum_of(processes, loss.item<double>());
    if (!std::isfinite(numbers.loss)) return numbers;
    loss.backward();
  }
  numbers.grad_norm = optimizer.clip_gradients(step.clip);
  if (numbers.are_finite()) optimizer.step(step.lr);
  return numbers;
}

Learner learner_of(Recommender& model, const LoopConfig& config, const TrainingInput& input) {
  if (input.rows.empty()) throw DataError("no user has two training items: nothing to train on");
  model->items->encode_frozen();
  const std::vector<double> popularity = popularity_of(input.rows, input.sequences.num_items());
  const auto loss_of = [&model, &input, popularity](const std::vector<std::size_t>& examples,
                                                    std::uint64_t draw_seed) {
    std::vector<const TrainingRow*> rows;
    for (const std::size_t i : examples) rows.push_back(&input.rows[i]);
    const comm::Share own = comm::share_of(rows.size(), input.processes);
    const std::int64_t num_items = input.sequences.num_items();
    const auto rows_of = [&](const comm::Share& part) {
      return std::span<const TrainingRow* const>(rows).subspan(part.begin, part.size());
    };
    const auto batch_of = [&](const comm::Share& part) {
      const std::int64_t max_len = input.sequences.protocol.max_len;
      return with_candidates(
          make_batch(rows_of(part), max_len, popularity), input.loss, num_items, draw_seed);
    };
    const SequenceBatch batch = own_batch(own, rows.size(), input.loss, batch_of).to(input.device);
    const nn::ComputeGuard compute(input.compute, input.device);
    const Tensor vectors = model->items->shared_vectors(
        batch.unique, input.loss.compares_with_own_items() ? comm::alone() : input.processes);
    const double factor = num_targets(rows_of(own)) / num_targets(rows);
    if (factor == 0) return vectors.sum() * 0;  // the others wait for its backward
    const Tensor states = model->users(vectors, batch.inputs, part_of(rows, own));
    const Tensor loss = sequence_loss(states, vectors, batch, input.loss, num_items);
    return factor == 1 ? loss : loss * factor;
  };
  return {
      .module = *model,
      .groups = parameter_groups(model, config),
      .num_examples = input.rows.size(),
      .loss = loss_of,
      .ranker = [&model, &input] { return model_ranker(model, input.sequences, input.device); },
      .user_of = [&input](std::size_t example) { return input.rows[example].user; },
      .targets_of = [&input](std::size_t example) { return input.rows[example].num_targets(); }};
}

TrainingResult train(Recommender& model, const LoopConfig& config, const TrainingInput& input) {
  return run_loop(learner_of(model, config, input), config, input);
}

}  // namespace vragent::recommender
