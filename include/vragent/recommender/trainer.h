// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The training loop of sequential recommenders: batches, loss, backward, clip, step; validation
// after each epoch; the best checkpoint by validation HR@10 is what counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/sequences.h"
#include "vragent/nn/optim.h"
#include "vragent/recommender/item_tower.h"
#include "vragent/recommender/ranker.h"
#include "vragent/recommender/sequence_batches.h"
#include "vragent/recommender/user_encoder.h"

namespace vragent::recommender {

struct LoopConfig {
  std::int64_t batch_size = 512;  // users (release: 512 with the id tower, 256 a GPU with text)
  std::int64_t epochs = 50;       // release: 50
  std::int64_t patience = 6;      // epochs without a better validation HR@10
  double text_lr = 5e-5;          // release: of the text encoder's own parameters
  nn::OptimConfig optim = {.lr = 1e-4, .weight_decay = 0.1, .clip = 5.0};

  void visit(auto& v) {
    v("batch-size", batch_size, "users of one step");
    v("epochs", epochs, "passes over all users at most");
    v("patience",
      patience,
      "stop after so many epochs without a better validation HR@10; 0 never stops early");
    v("text-lr",
      text_lr,
      "learning rate of the text encoder's own layers (they have no weight decay)");
    v("optim", optim, "");
  }

  void check() const;
};

/// Item tower and user encoder, one module for saving.
struct RecommenderImpl : torch::nn::Module {
  RecommenderImpl(ItemTower tower, UserEncoder encoder);

  ItemTower items;
  UserEncoder users;
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
  double best_valid_hit_rate = 0;  ///< HR@10
};

struct TrainingInput {
  const data::Sequences& sequences;
  std::vector<TrainingRow> rows;
  std::filesystem::path run_folder;  ///< logs, and checkpoint/ after every epoch
  std::uint64_t seed = 1;
  torch::Device device = torch::kCPU;
  bool resume = false;
};

/// Trains `model` in place; on return it holds the parameters of the best epoch. Resuming continues
/// bit for bit. @throws Interrupted after a signal, with the last step saved; Error (70) on a
/// non-finite loss, naming the step and the users of the batch
TrainingResult train(Recommender& model, const LoopConfig& config, const TrainingInput& input);

}  // namespace vragent::recommender
