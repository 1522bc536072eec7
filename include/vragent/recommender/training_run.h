// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `train-sasrec`: from interactions and item texts to a trained recommender, its metrics and its
// lists.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/run_dir.h"
#include "vragent/data/sequences.h"
#include "vragent/nn/device.h"
#include "vragent/rec_models/user_encoder.h"
#include "vragent/recommender/collaborative.h"
#include "vragent/recommender/feedback.h"
#include "vragent/recommender/item_tower.h"
#include "vragent/recommender/trainer.h"
#include "vragent/util/table.h"

namespace vragent::recommender {

struct TrainConfig {
  std::filesystem::path out;
  std::filesystem::path interactions;
  data::formats::ReadConfig reading;
  std::filesystem::path items;
  std::filesystem::path captions;
  std::string missing_text = "error";
  std::string model = "sequential";
  TowerConfig tower;
  rec_models::UserEncoderConfig encoder;
  CollaborativeConfig collaborative;
  data::ProtocolConfig protocol;
  LossConfig loss;
  LoopConfig loop;
  FeedbackConfig feedback;
  std::int64_t top_k = 10;
  std::vector<std::string> top_k_splits = {"test"};
  std::filesystem::path candidates;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;
  nn::RuntimeConfig runtime;

  void visit(auto& v) {
    v("out", out, "run folder (required)");
    v("interactions",
      interactions,
      "interactions of users (MicroLens, RecBole, MovieLens, Steam, csv, sequences; .gz, or -) "
      "(required)");
    reading.visit(v);
    v("items", items, "titles of items (csv, jsonl, RecBole, MovieLens, Steam; .gz)");
    v("captions",
      captions,
      "captions.jsonl; an item with a caption is read by it instead of its title");
    v("missing-text",
      missing_text,
      "an item that has neither title nor caption: error, or empty (an empty text)");
    v("model",
      model,
      "sequential (a tower and a user encoder), dssm, lightgcn, deepfm, nfm, mmgcn, vbpr, or the "
      "counters pop and markov");
    tower.visit(v);
    encoder.visit(v);
    collaborative.visit(v);
    protocol.visit(v);
    loss.visit(v);
    loop.visit(v);
    feedback.visit(v);
    v("top-k",
      top_k,
      "length of the lists in topk.jsonl; metrics.json has their coverage and popularity bias");
    v("top-k-splits",
      top_k_splits,
      "lists from the history before this target: test (topk.jsonl), valid (topk.valid.jsonl), "
      "train "
      "(topk.train.jsonl: before the last item of the train part, of users who have one before "
      "it)");
    v("candidates",
      candidates,
      "rows user_id and items[] (topk.jsonl of another model, say) whose items are scored from the "
      "history before the test item: scores.jsonl");
    v("resume", resume, data::kResumeHelp);
    v("overwrite", overwrite, data::kOverwriteHelp);
    v("dry-run",
      dry_run,
      "read the inputs, build the network, print what training and ranking will hold in memory, "
      "and "
      "do nothing; --out is not needed");
    runtime.visit(v);
  }

  void check() const;
};

/// The network that `config` describes, drawn from its seed.
Recommender build_recommender(const TrainConfig& config,
                              const data::Sequences& sequences,
                              torch::Device device);

/// The same of a collaborative model.
Collaborative build_collaborative(const TrainConfig& config,
                                  const data::Sequences& sequences,
                                  torch::Device device);

/// What --dry-run prints: the program, the data set, weights, gradients, moments, activations,
/// embeddings, the block of scores and the lists that ranking holds, and what the allocator keeps,
/// in GiB. Nothing is written. @throws ConfigError for a counter
Table plan_training(const TrainConfig& config, int processes = 1);

/// Trains, evaluates, writes model.safetensors, config.json, metrics.json, topk.jsonl, with
/// candidates scores.jsonl, and the logs into config.out. Resuming a finished run evaluates it
/// again and may ask for other lists and candidates. Returns the text of metrics.json. Many
/// processes share each batch, and rank 0 writes; in the others the text is without "lists".
std::string run_training(const TrainConfig& config,
                         const comm::Communicator& processes = comm::alone());

}  // namespace vragent::recommender
