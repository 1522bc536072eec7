// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/trainer_files.h"

#include <algorithm>

#include "vragent/comm/sharing.h"
#include "vragent/data/run_dir.h"
#include "vragent/models/hf_folder.h"
#include "vragent/nn/parameters.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"

namespace vragent::learning {
namespace fs = std::filesystem;

namespace {

constexpr const char* kPrefix = "checkpoint-";
constexpr const char* kState = "state";

/// Steps of the checkpoints below a folder, ascending.
std::vector<std::int64_t> checkpoint_steps(const fs::path& run_folder) {
  std::vector<std::int64_t> steps;
  if (!fs::exists(run_folder)) return steps;
  for (const auto& entry : fs::directory_iterator(run_folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const auto step =
        parse_integer(std::string_view(name).substr(std::string_view(kPrefix).size()));
    if (step) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

fs::path checkpoint_path(const fs::path& run_folder, std::int64_t step) {
  return run_folder / (kPrefix + std::to_string(step));
}

}  // namespace

double number_of(const RunNumbers& numbers, const std::string& name) {
  const auto found = numbers.find(name);
  return found == numbers.end() ? 0.0 : found->second;
}

void UpdateCount::add_done() {
  done += 1;
  skipped_in_row = 0;
}

void UpdateCount::add_skipped() {
  skipped += 1;
  skipped_in_row += 1;
}

void UpdateCount::check_row(std::int64_t most) const {
  if (most == 0 || skipped_in_row < most) return;
  throw Error(ExitCode::kInternal,
              formatted("{} updates in a row had a loss or a gradient norm that is not finite: the "
                        "run ends here without a final model (--max-skipped-updates)",
                        skipped_in_row));
}

void UpdateCount::check_any_done() const {
  if (skipped == 0 || done > 0) return;
  throw Error(ExitCode::kInternal,
              formatted("every one of {} updates had a loss or a gradient norm that is not finite: "
                        "nothing is learnt, and no final model is written",
                        skipped));
}

void UpdateCount::save_in(RunNumbers& numbers) const {
  numbers["updates"] = static_cast<double>(done);
  numbers["skipped_updates"] = static_cast<double>(skipped);
  numbers["skipped_in_row"] = static_cast<double>(skipped_in_row);
}

UpdateCount UpdateCount::saved_in(const RunNumbers& numbers) {
  return {static_cast<std::int64_t>(number_of(numbers, "updates")),
          static_cast<std::int64_t>(number_of(numbers, "skipped_updates")),
          static_cast<std::int64_t>(number_of(numbers, "skipped_in_row"))};
}

TrainerFiles::TrainerFiles(fs::path run_folder,
                           fs::path base,
                           std::int64_t keep_checkpoints,
                           std::optional<engine::AdapterConfig> adapter,
                           const comm::Communicator& processes)
    : run_folder_(std::move(run_folder)),
      base_(std::move(base)),
      keep_checkpoints_(std::max<std::int64_t>(keep_checkpoints, 1)),
      adapter_(std::move(adapter)),
      processes_(processes) {}

std::optional<RunNumbers> TrainerFiles::open(bool resume,
                                             torch::nn::Module& model,
                                             nn::ShardedAdamW& optimizer) {
  const bool writes = processes_.rank() == 0;
  if (writes && fs::exists(run_folder_)) remove_half_written(run_folder_);
  const std::vector<std::int64_t> steps = checkpoint_steps(run_folder_);
  comm::check_same(processes_, steps.empty() ? -1 : steps.back(), run_folder_.string());
  if (!resume || steps.empty()) {
    if (!writes) return std::nullopt;
    for (const std::int64_t step : steps) fs::remove_all(checkpoint_path(run_folder_, step));
    log_ = std::make_unique<report::TrainLog>(run_folder_, -1);
    return std::nullopt;
  }
  const fs::path newest = checkpoint_path(run_folder_, steps.back());
  if (adapter_) {
    engine::load_adapter_tensors(model, newest);
  } else {
    const models::WeightFiles weights(newest);
    nn::load_parameters(
        model, [&](const std::string& name) { return weights.find(name); }, newest.string());
  }
  const nn::TrainingState state = nn::load_training_state(newest / kState);
  optimizer.load_state(state.with_prefix("optimizer."), newest.string());
  if (writes) {
    log_ = std::make_unique<report::TrainLog>(run_folder_,
                                              static_cast<std::int64_t>(state.numbers.at("step")));
  }
  log::info("resume {}", newest);
  return state.numbers;
}

std::optional<RunNumbers> TrainerFiles::finished(std::int64_t max_steps) const {
  const fs::path path = run_folder_ / data::kTrainerStateFile;
  const Json state =
      fs::exists(path) ? parse_json_object(read_file(path), path.string()) : Json::object();
  const auto step = state.value("global_step", std::int64_t{-1});
  comm::check_same(processes_, step, run_folder_.string());
  if (step != max_steps) return std::nullopt;
  RunNumbers last;
  for (const Json& row : state.value("log_history", Json::array())) {
    for (const auto& [name, value] : row.items()) {
      if (value.is_number()) last[name] = value.get<double>();
    }
  }
  if (state.contains("best_metric") && state["best_metric"].is_number())
    last["best_loss"] = state["best_metric"].get<double>();
  return last;
}

void TrainerFiles::log(std::int64_t step,
                       double epoch,
                       const std::vector<report::Scalar>& scalars) {
  if (!log_) return;
  std::vector<report::Scalar> row = {{"epoch", epoch}};
  row.insert(row.end(), scalars.begin(), scalars.end());
  log_->write(step, row);
}

void TrainerFiles::write_model(const fs::path& folder, const torch::nn::Module& model) const {
  if (adapter_) return engine::write_adapter_files(folder, model, *adapter_, base_);
  models::write_model_files(folder,
                            {.tensors = nn::parameters_of(model),
                             .config_json = models::read_model_config(base_),
                             .side_files = base_});
}

/// Where the weights of the best step are, or will be once this state is written; "" when nowhere.
fs::path TrainerFiles::best_folder(std::int64_t step,
                                   const RunNumbers& numbers,
                                   bool is_final) const {
  const auto best = static_cast<std::int64_t>(numbers.at("best_step"));
  std::vector<std::int64_t> steps = checkpoint_steps(run_folder_);
  if (!is_final && (steps.empty() || steps.back() != step)) steps.push_back(step);
  const std::int64_t num_kept = std::min(keep_checkpoints_, std::ssize(steps));
  if (std::find(steps.end() - num_kept, steps.end(), best) != steps.end())
    return checkpoint_path(run_folder_, best);
  const bool is_here = best == step || number_of(numbers, "ends_with_best") != 0;
  return is_final && is_here ? run_folder_ : fs::path();
}

std::string TrainerFiles::trainer_state(std::int64_t step,
                                        const RunNumbers& numbers,
                                        bool is_final) const {
  OrderedJson history = OrderedJson::array();
  const fs::path log_file = run_folder_ / data::kTrainLogFile;
  if (fs::exists(log_file)) {
    for_each_line(log_file, [&](const std::string& line, const std::string&) {
      history.push_back(OrderedJson::parse(line));
    });
  }
  const auto count = [&](const char* name) {
    return static_cast<std::int64_t>(number_of(numbers, name));
  };
  OrderedJson state = {{"best_global_step", nullptr},
                       {"best_metric", nullptr},
                       {"best_model_checkpoint", nullptr},
                       {"epoch", number_of(numbers, "epoch")},
                       {"global_step", step},
                       {"is_local_process_zero", true},
                       {"is_world_process_zero", true},
                       {"log_history", history},
                       {"max_steps", count("max_steps")},
                       {"num_input_tokens_seen", count("num_tokens")},
                       {"stateful_callbacks", OrderedJson::object()}};
  // transformers reads any names here, and refuses those it does not know elsewhere.
  OrderedJson& own = state["stateful_callbacks"]["vragent"];
  own["args"] = OrderedJson::object();
  own["attributes"]["skipped_updates"] = count("skipped_updates");
  if (!numbers.contains("best_step")) {
    if (numbers.contains("eval_step"))
      own["attributes"]["no_best"] =
          numbers.at("eval_step") < 0 ? "nothing is validated" : "no validation loss is finite";
    return state.dump(2) + "\n";
  }
  state["best_global_step"] = count("best_step");
  state["best_metric"] = numbers.at("best_loss");
  const fs::path best = best_folder(step, numbers, is_final);
  if (!best.empty()) {
    state["best_model_checkpoint"] = best.string();
  } else {
    own["attributes"]["no_best"] = formatted(
        "no checkpoint of step {} is kept (--save-every, --keep-checkpoints)", count("best_step"));
  }
  return state.dump(2) + "\n";
}

void TrainerFiles::save_or_stop(std::int64_t step,
                                std::int64_t save_every,
                                const torch::nn::Module& model,
                                const nn::ShardedAdamW& optimizer,
                                const RunNumbers& numbers) {
  const bool is_due = save_every > 0 && step % save_every == 0;
  const bool stops = comm::stop_agreed(processes_);
  if (is_due || stops) save_checkpoint(step, model, optimizer, numbers);
  if (stops) {
    throw Interrupted(
        formatted("step {} is saved; run the same command with --resume to go on", step));
  }
}

void TrainerFiles::save_checkpoint(std::int64_t step,
                                   const torch::nn::Module& model,
                                   const nn::ShardedAdamW& optimizer,
                                   const RunNumbers& numbers) {
  nn::TrainingState state;
  state.add("optimizer.", optimizer.state());
  state.numbers = numbers;
  state.numbers["step"] = static_cast<double>(step);
  if (processes_.rank() == 0) {
    write_folder(checkpoint_path(run_folder_, step), [&](const fs::path& folder) {
      write_model(folder, model);
      make_folder(folder / kState);
      nn::write_training_state(folder / kState, state);
      write_file(folder / data::kTrainerStateFile, trainer_state(step, numbers, false));
    });
    remove_surplus();
  }
  processes_.barrier();
}

void TrainerFiles::remove_surplus() const {
  const auto steps = checkpoint_steps(run_folder_);
  const std::int64_t surplus = std::ssize(steps) - keep_checkpoints_;
  for (std::int64_t i = 0; i < surplus; ++i)
    fs::remove_all(checkpoint_path(run_folder_, steps[static_cast<std::size_t>(i)]));
}

void TrainerFiles::finish(std::int64_t step,
                          const torch::nn::Module& model,
                          const RunNumbers& numbers) {
  if (processes_.rank() == 0) {
    write_model(run_folder_, model);
    write_file(run_folder_ / data::kTrainerStateFile, trainer_state(step, numbers, true));
  }
  processes_.barrier();
}

}  // namespace vragent::learning
