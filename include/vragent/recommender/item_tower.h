// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Items to vectors: a table of ids, or a text encoder (BERT, XLM-R) over titles or captions with a
// linear layer on its first token, or on the mean of all (`recommender.md` 3.3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/models/bert.h"
#include "vragent/nn/layers.h"

namespace vragent::recommender {

struct TowerConfig {
  std::string tower = "id";
  std::filesystem::path text_model;
  std::int64_t max_tokens = 30;       // the release cuts here, [CLS] and [SEP] included
  std::int64_t trainable_layers = 2;  // the release trains BERT's last two
  std::string pooling = "cls";        // the release takes the first token
  double projection_std = 0.0;        // the release draws Xavier normal

  void visit(auto& v) {
    v("tower", tower, "how items become vectors: id or text");
    v("text-model", text_model, "BERT or XLM-R folder of the text tower");
    v("max-tokens", max_tokens, "tokens of a text that the tower reads");
    v("trainable-layers",
      trainable_layers,
      "encoder layers that train, from the last; 0 freezes it, -1 trains all with the embeddings");
    v("pooling",
      pooling,
      "text vector: cls, the first token; mean, of all tokens (as sentence encoders)");
    v("projection-std",
      projection_std,
      "first weights of the text tower's projection; 0 is Xavier. Small ones (0.02) keep the first "
      "logits small where few steps follow");
  }

  void check() const;
};

/// Vectors of items 0..N; row 0 is padding (an id tower has a row for it, a text tower gives
/// zeros).
struct ItemTowerImpl : torch::nn::Module {
  /// An id tower. @param num_items N
  ItemTowerImpl(std::int64_t num_items, std::int64_t width);

  /// A text tower. @param texts [N+1], texts[0] unused
  ItemTowerImpl(const std::vector<std::string>& texts,
                std::int64_t width,
                const TowerConfig& config,
                torch::Device device);

  /// index int64 [n] of 0..N -> [n, D]
  torch::Tensor forward(const torch::Tensor& index);

  /// All vectors [N+1, D] without gradients, in chunks.
  torch::Tensor all_vectors();

  /// Draws what no checkpoint gave: the table, or the projection.
  void init(std::uint64_t seed);

  [[nodiscard]] std::int64_t num_items() const { return num_items_; }

  nn::Embedding item_embedding{nullptr};  ///< id tower
  models::Bert encoder{nullptr};          ///< text tower
  nn::Linear project{nullptr};            ///< text tower

 private:
  torch::Tensor encode(const torch::Tensor& index);

  std::int64_t num_items_;
  bool mean_pooling_ = false;
  double projection_std_ = 0;
  torch::Tensor token_ids_;  ///< int64 [N+1, T]
  torch::Tensor lengths_;    ///< int64 [N+1]
  torch::Tensor frozen_;     ///< [N+1, D_encoder] where the encoder does not train
};

TORCH_MODULE(ItemTower);

}  // namespace vragent::recommender
