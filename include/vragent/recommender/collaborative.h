// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Collaborative models behind one training: pairs of users and items instead of sequences, the same
// protocol (`recommender.md` 3.5, 3.6).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/data/sequences.h"
#include "vragent/rec_models/collaborative/deepfm.h"
#include "vragent/rec_models/collaborative/dssm.h"
#include "vragent/rec_models/collaborative/graph.h"
#include "vragent/rec_models/collaborative/lightgcn.h"
#include "vragent/rec_models/collaborative/mmgcn.h"
#include "vragent/rec_models/collaborative/nfm.h"
#include "vragent/rec_models/collaborative/vbpr.h"
#include "vragent/rec_models/item_features.h"
#include "vragent/recommender/ranker.h"
#include "vragent/recommender/sequence_batches.h"
#include "vragent/recommender/trainer.h"

namespace vragent::recommender {

struct CollaborativeConfig {
  std::int64_t gcn_layers = 1;  // release; the paper of LightGCN: 3
  std::string deepfm_eval = "fixed";
  bool mmgcn_tables = true;
  double embedding_l2 = 0.0;  // release: none; LightGCN's own code: 1e-4
  double feature_lr = 0.0;

  void visit(auto& v) {
    v("gcn-layers", gcn_layers, "lightgcn: times that vectors are passed along the graph");
    v("deepfm-eval",
      deepfm_eval,
      "deepfm: fixed, or released, which ranks by a factorisation machine over the wrong vectors");
    v("mmgcn-tables",
      mmgcn_tables,
      "mmgcn: train ids and preferences; the release leaves them as drawn");
    v("embedding-l2",
      embedding_l2,
      "dssm, lightgcn: L2 penalty of the rows a batch touches, halved, by pair; mmgcn: factor of "
      "its regularisation");
    v("feature-lr",
      feature_lr,
      "vbpr: learning rate of the features' projection; 0 is that of the rest");
  }

  void check() const;
};

/// Whether --model names one of these: dssm, lightgcn, deepfm, nfm, mmgcn, vbpr.
bool is_collaborative(const std::string& model);

/// One of the networks and the graph it needs.
struct CollaborativeImpl : torch::nn::Module {
  /// @param model one of the names above; deepfm and nfm see the sequences' max_len items
  /// @param modalities of mmgcn (at least one) and vbpr (one)
  CollaborativeImpl(const std::string& model,
                    const CollaborativeConfig& config,
                    const data::Sequences& sequences,
                    std::int64_t width,
                    const std::vector<rec_models::collaborative::Modality>& modalities);

  /// Draws all parameters Xavier normal, biases 0, as the release does.
  void init(std::uint64_t seed);

  /// Parameters, features and graph.
  void to_device(torch::Device device);

  /// Whether a history is scored with each candidate (deepfm, nfm); else users and items have
  /// vectors().
  [[nodiscard]] bool reads_histories() const { return deepfm || nfm; }

  /// Scores [B, C] of candidates [C] after histories [B, L], where histories are read.
  torch::Tensor scores(const torch::Tensor& history, const torch::Tensor& candidates);

  /// Vectors of all users and items, where they have some.
  rec_models::collaborative::NodeVectors vectors();

  CollaborativeConfig config;
  rec_models::collaborative::Dssm dssm{nullptr};  ///< one of the six is set
  rec_models::collaborative::LightGcn lightgcn{nullptr};
  rec_models::collaborative::DeepFm deepfm{nullptr};
  rec_models::collaborative::Nfm nfm{nullptr};
  rec_models::collaborative::Mmgcn mmgcn{nullptr};
  rec_models::collaborative::Vbpr vbpr{nullptr};

 private:
  rec_models::collaborative::Adjacency adjacency_;
};

TORCH_MODULE(Collaborative);

/// A user and an item of its train part.
struct TrainingPair {
  std::int64_t user = 0;
  std::int32_t item = 0;
};

/// All of them, by user and time; repeats count.
std::vector<TrainingPair> training_pairs(const data::Sequences& sequences);

/// Share of each item among the train parts, [N+1]; 1 for padding, and for items that no train part
/// has, which never are columns.
std::vector<double> train_popularity(const data::Sequences& sequences);

/// Pairs as a batch of one position each: targets [B, 1]. `own`, which is no negative, is the
/// target alone for in-batch-softmax, as the release masks, and else the user's whole train part.
/// @param popularity train_popularity()
SequenceBatch make_pair_batch(std::span<const TrainingPair> pairs,
                              const data::Sequences& sequences,
                              const std::vector<double>& popularity,
                              const LossConfig& loss);

/// Every item of a train part as the target after all others of it, earlier and later ones: what
/// deepfm and nfm learn from.
std::vector<TrainingRow> leave_one_out_rows(const data::Sequences& sequences);

/// What a collaborative model learns from all pairs (deepfm, nfm: rows) of input.sequences; many
/// processes share those of a batch, and each makes the vectors of all users and items. Model and
/// input must outlive it. @throws DataError when there is nothing to train on
Learner learner_of(Collaborative& model, const LoopConfig& config, const TrainingInput& input);

/// Trains `model` as train() does a sequential one; input.rows is not read.
/// @throws DataError when there is nothing to train on
TrainingResult train(Collaborative& model, const LoopConfig& config, const TrainingInput& input);

/// Scores every item for users; what does not depend on them is computed once, when called for.
ScoreFunction collaborative_ranker(Collaborative model,
                                   const data::Sequences& sequences,
                                   torch::Device device);

}  // namespace vragent::recommender
