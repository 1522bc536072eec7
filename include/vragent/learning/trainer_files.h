// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What language model trainers leave on disk: checkpoints in the Hugging Face layout with the state
// to go on, the last k of them kept; trainer_state.json under TRL's names; the logs; and the final
// model. Of many processes rank 0 writes, and what it writes does not depend on their number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/comm/communicator.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/nn/checkpoint.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/report/train_log.h"

namespace vragent::learning {

/// Counters of a run, saved with every checkpoint. trainer_state.json shows, where they are there:
/// epoch, max_steps, num_tokens, skipped_updates; best_loss and best_step of the lowest validation
/// loss, and ends_with_best: 1 where the final model is the one of that step. A trainer that can
/// validate has eval_step, of the last validation (-1: none); where no best_step is with it,
/// trainer_state.json says why.
using RunNumbers = std::map<std::string, double>;

/// One of them; 0 where there is none (older checkpoints have fewer).
double number_of(const RunNumbers& numbers, const std::string& name);

inline constexpr const char* kMaxSkippedUpdatesHelp =
    "updates left out in a row, their loss or gradient not finite, that end the run with 70; 0: it "
    "goes on whatever comes";

/// Updates of a run: a loss or a gradient norm that is not finite leaves one out, which changes
/// nothing.
struct UpdateCount {
  std::int64_t done = 0;  ///< with something to learn
  std::int64_t skipped = 0;
  std::int64_t skipped_in_row = 0;  ///< since the last of those done

  void add_done();
  void add_skipped();

  /// Behind one that may have been left out. @throws Error (70) when `most` in a row were; 0: never
  void check_row(std::int64_t most) const;

  /// Behind the last step. @throws Error (70) when there were some, and all of them were left out:
  /// the weights are those that the run began with
  void check_any_done() const;

  void save_in(RunNumbers& numbers) const;
  static UpdateCount saved_in(const RunNumbers& numbers);
};

class TrainerFiles {
 public:
  /// @param base the model folder that training starts from: its config and side files go with
  /// every checkpoint
  /// @param adapter set where adapters are trained: checkpoints then hold them, in PEFT's layout
  TrainerFiles(std::filesystem::path run_folder,
               std::filesystem::path base,
               std::int64_t keep_checkpoints,
               std::optional<engine::AdapterConfig> adapter = std::nullopt,
               const comm::Communicator& processes = comm::alone());

  /// Restores model and optimiser from the newest checkpoint and opens the logs behind it; without
  /// one (or without `resume`) starts the logs anew. What a killed run left half written is
  /// removed. @return the counters of the checkpoint, if there was one
  std::optional<RunNumbers> open(bool resume,
                                 torch::nn::Module& model,
                                 nn::ShardedAdamW& optimizer);

  /// Whether a run of this many steps has ended in the folder: then the last value logged under
  /// each name, and best_loss where there is one.
  [[nodiscard]] std::optional<RunNumbers> finished(std::int64_t max_steps) const;

  /// One logged step, to train_log.jsonl, the event file and the log history.
  void log(std::int64_t step, double epoch, const std::vector<report::Scalar>& scalars);

  /// Writes checkpoint-STEP (complete or absent) and removes the oldest beyond those to keep. Here
  /// and in finish() all processes wait until it is written.
  void save_checkpoint(std::int64_t step,
                       const torch::nn::Module& model,
                       const nn::ShardedAdamW& optimizer,
                       const RunNumbers& numbers);

  /// What ends every step: a checkpoint when `save_every` steps are over (0: never) or a signal has
  /// asked any of the processes to stop. @throws Interrupted then, once it is saved
  void save_or_stop(std::int64_t step,
                    std::int64_t save_every,
                    const torch::nn::Module& model,
                    const nn::ShardedAdamW& optimizer,
                    const RunNumbers& numbers);

  /// Writes the final model and trainer_state.json into the run folder.
  void finish(std::int64_t step, const torch::nn::Module& model, const RunNumbers& numbers);

  [[nodiscard]] const std::filesystem::path& run_folder() const { return run_folder_; }

 private:
  void write_model(const std::filesystem::path& folder, const torch::nn::Module& model) const;
  void remove_surplus() const;
  [[nodiscard]] std::string trainer_state(std::int64_t step,
                                          const RunNumbers& numbers,
                                          bool is_final) const;
  [[nodiscard]] std::filesystem::path best_folder(std::int64_t step,
                                                  const RunNumbers& numbers,
                                                  bool is_final) const;

  std::filesystem::path run_folder_;
  std::filesystem::path base_;
  std::int64_t keep_checkpoints_;
  std::optional<engine::AdapterConfig> adapter_;
  const comm::Communicator& processes_;
  std::unique_ptr<report::TrainLog> log_;  ///< of rank 0
};

}  // namespace vragent::learning
