// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The training loop of all recommenders: batches, loss, backward, clip, step; validation after each
// epoch; the best checkpoint on the validation items is what counts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/comm/communicator.h"
#include "vragent/data/sequences.h"
#include "vragent/nn/optim/sharded_adamw.h"
#include "vragent/rec_models/user_encoder.h"
#include "vragent/recommender/item_tower.h"
#include "vragent/recommender/ranker.h"
#include "vragent/recommender/sequence_batches.h"
#include "vragent/recommender/sequence_loss.h"

namespace vragent::recommender {

/// The folder in a run's that --resume goes on from.
inline constexpr const char* kCheckpointFolder = "checkpoint";

struct LoopConfig {
  std::int64_t batch_size = 512;  // users (release: 512 with the id tower, 256 a GPU with text)
  std::int64_t micro_batch = 0;   // 0: a batch at once
  std::int64_t epochs = 50;       // release: 50
  std::int64_t save_every = 0;    // steps; 0: after epochs only
  std::string select_metric = "hr@10";
  bool mask_history = true;     // release: masked
  std::int64_t patience = 6;    // epochs without a better one of validation
  double text_lr = 5e-5;        // release: of the text encoder's own parameters
  double vision_lr = 1e-4;      // release: of the image or video encoder's
  std::string on_nan = "stop";  // a step whose numbers are not finite never counts
  nn::OptimConfig optim = {.lr = 1e-4, .weight_decay = 0.1, .clip = 5.0};

  void visit(auto& v) {
    v("batch-size", batch_size, "users of one step (collaborative models: pairs of user and item)");
    v("micro-batch",
      micro_batch,
      "users (or pairs) of one forward and backward, whose gradients add up to the step's: less "
      "memory; in-batch negatives are those of the part; 0: the whole batch at once");
    v("epochs",
      epochs,
      "passes over all users (or pairs) at most; with --resume more go on, and a run that has more "
      "already is evaluated as it stands, with a warning");
    v("save-every",
      save_every,
      "save within an epoch too, behind every so many steps, for --resume after a crash; 0: after "
      "each epoch only (and on a signal)");
    v("patience",
      patience,
      "stop after so many epochs without a better validation metric; 0 never stops early");
    v("select-metric",
      select_metric,
      "what of the validation items chooses the best epoch: hr@10, or ndcg@10 (as the release does "
      "for its collaborative models)");
    v("mask-history",
      mask_history,
      "what a user has watched is no candidate when the held-out item is ranked; without, it "
      "competes "
      "with it, as RecBole ranks for its sequential models (the lists never show it)");
    v("text-lr",
      text_lr,
      "learning rate of the text encoder's own layers (they have no weight decay)");
    v("vision-lr",
      vision_lr,
      "the same of the image or video encoder, and of the layer behind a video encoder, which has "
      "no weight decay either");
    v("optim", optim, "");
    v("on-nan",
      on_nan,
      "a step whose loss or gradient norm is no finite number: stop (naming the step and the "
      "users of its batch; --resume goes on from the last epoch) or skip (leave it out and count "
      "it)");
  }

  void check() const;

  /// Of one backward.
  [[nodiscard]] std::int64_t examples_at_once() const {
    return micro_batch > 0 ? std::min(micro_batch, batch_size) : batch_size;
  }
};

/// Item tower and user encoder, one module for saving.
struct RecommenderImpl : torch::nn::Module {
  RecommenderImpl(ItemTower tower, rec_models::UserEncoder encoder);

  ItemTower items;
  rec_models::UserEncoder users;
};

TORCH_MODULE(Recommender);

/// Scores every item for users by <user state, item vector>; item vectors are computed once, when
/// called for.
ScoreFunction model_ranker(Recommender model,
                           const data::Sequences& sequences,
                           torch::Device device);

/// What a run ends with.
struct TrainingResult {
  std::int64_t epochs_run = 0;
  std::int64_t best_epoch = 0;     ///< from 1
  double best_valid = 0;           ///< of the metric that chooses
  std::int64_t skipped_steps = 0;  ///< left out by on_nan = "skip"
};

/// What the loop trains, whatever the model.
struct Learner {
  torch::nn::Module& module;
  std::vector<nn::ParameterGroup> groups;
  std::size_t num_examples = 0;

  /// Loss of some examples (numbers below num_examples), with gradients; of many processes the
  /// share of this one, such that their sum is the loss. @param draw_seed of everything that is
  /// drawn for this batch, the same when the step is repeated after a resume
  std::function<torch::Tensor(const std::vector<std::size_t>& examples, std::uint64_t draw_seed)>
      loss;

  /// How the parameters of this moment rank.
  std::function<ScoreFunction()> ranker;

  /// Whose example it is, an index of Sequences::user_ids.
  std::function<std::int64_t(std::size_t example)> user_of;

  /// Over how many targets the loss of an example is a mean, one where there is no function.
  std::function<std::int64_t(std::size_t example)> targets_of = {};
};

/// The numbers of one step.
struct StepConfig {
  double lr = 0;
  double clip = 0;                 ///< largest gradient norm; 0 does not clip
  std::size_t at_once = SIZE_MAX;  ///< examples of one backward
};

/// What a step came to.
struct StepNumbers {
  double loss = 0;       ///< before the update
  double grad_norm = 0;  ///< before clipping; not computed where the loss is not finite

  /// Else nothing was updated.
  [[nodiscard]] bool are_finite() const { return std::isfinite(loss) && std::isfinite(grad_norm); }
};

struct TrainingInput {
  const data::Sequences& sequences;
  std::vector<TrainingRow> rows;     ///< of train(); the loop itself does not read them
  std::filesystem::path run_folder;  ///< logs, and checkpoint/ after every epoch and when asked
  std::uint64_t seed = 1;
  torch::Device device = torch::kCPU;
  bool resume = false;
  LossConfig loss = {};                                 ///< of train()
  torch::Dtype compute = torch::kFloat32;               ///< of the matrix products in train()
  const comm::Communicator& processes = comm::alone();  ///< rank 0 writes
};

/// Share of each item among the training occurrences of the rows, [N+1]; never zero.
std::vector<double> popularity_of(const std::vector<TrainingRow>& rows, std::int64_t num_items);

/// Trains the learner's module in place; on return it holds the parameters of the best epoch. Many
/// processes share each batch and end with the same parameters.
/// Resuming continues bit for bit. @throws Interrupted after a signal, with the last step saved;
/// Error (70), the last checkpoint untouched, on a loss or gradient norm that is not finite (as
/// on_nan says), on an epoch without any other step, and on weights that are not finite
TrainingResult run_loop(const Learner& learner,
                        const LoopConfig& config,
                        const TrainingInput& input);

/// One step of the loop: loss, backward, clip, update at rate `lr`. When loss or gradient norm is
/// not finite nothing is updated. Micro-batches weigh as many targets as they have: the loss is
/// that of the whole where no example sees another. Many processes: the sums of all, of loss too
StepNumbers train_step(const Learner& learner,
                       nn::ShardedAdamW& optimizer,
                       const std::vector<std::size_t>& examples,
                       std::uint64_t draw_seed,
                       const StepConfig& step,
                       const comm::Communicator& processes = comm::alone());

/// What a sequential model learns from input.rows. Model and input must outlive it.
/// @throws DataError when there are no rows
Learner learner_of(Recommender& model, const LoopConfig& config, const TrainingInput& input);

/// run_loop() of a sequential model over input.rows.
TrainingResult train(Recommender& model, const LoopConfig& config, const TrainingInput& input);

}  // namespace vragent::recommender
