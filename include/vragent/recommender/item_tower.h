// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Items to vectors: a table of ids, a text encoder (BERT, XLM-R) over titles or captions with a
// linear layer on its first token, or on the mean of all, a vision transformer over covers (ViT,
// ViT-MAE) or frames of videos (VideoMAE) with a linear layer (and a GELU for videos), or linear
// layers over features that were computed before (`recommender.md` 3.3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/comm/communicator.h"
#include "vragent/models/bert.h"
#include "vragent/models/pixels.h"
#include "vragent/models/vit.h"
#include "vragent/nn/layers.h"
#include "vragent/rec_models/feature_tower.h"
#include "vragent/rec_models/item_features.h"

namespace vragent::recommender {

struct TowerConfig {
  std::string tower = "id";
  std::filesystem::path text_model;
  std::filesystem::path vision_model;
  std::filesystem::path covers;
  std::filesystem::path frames;
  std::filesystem::path vector_cache;
  bool lower_case = false;            // the release lower-cases titles, whatever the encoder
  std::int64_t max_tokens = 30;       // the release cuts here, [CLS] and [SEP] included
  std::int64_t trainable_layers = 2;  // the release trains BERT's last two
  std::string pooling = "cls";        // the release takes the first token
  double text_dropout = 0.0;          // the release leaves BERT's own on
  double projection_std = 0.0;        // the release draws Xavier normal
  rec_models::FeatureFiles features;
  std::string fusion = "weighted";  // the paper's "weighted pooling"; the release concatenates

  void visit(auto& v) {
    v("tower",
      tower,
      "how items become vectors: id, text, image, video, or fusion of two or more feature files");
    v("text-model",
      text_model,
      "BERT or XLM-R of the text tower: folder, or org/name in the local cache");
    v("vision-model",
      vision_model,
      "ViT or ViT-MAE folder of the image tower, VideoMAE folder of the video tower, in place of "
      "features: the encoder reads --covers or --frames and trains as --trainable-layers says");
    v("covers",
      covers,
      "folder of the items' covers, ITEM.jpg, .jpeg, .png or .webp (.ppm where the program is "
      "built "
      "without OpenCV)");
    v("frames", frames, "folder that extract-frames wrote: frames of the items' videos");
    v("lower-case", lower_case, "lower-case texts before they are cut into tokens, as released");
    v("max-tokens", max_tokens, "tokens of a text that the tower reads");
    v("trainable-layers",
      trainable_layers,
      "layers of a text or vision encoder that train, from the last; 0 freezes it (each item is "
      "then encoded once a run), -1 trains all with the embeddings");
    v("text-dropout",
      text_dropout,
      "what a text encoder that trains drops, of states and of attention: 0 nothing, -1 the shares "
      "of its config.json (BERT has .1 of both), else this share of both");
    v("vector-cache",
      vector_cache,
      "folder that keeps the vectors of a frozen encoder, by a hash of its files, the texts or "
      "pictures and the settings: other runs, seeds and arms of feedback read them there");
    v("pooling",
      pooling,
      "text vector: cls, the first token; mean, of all tokens (as sentence encoders)");
    v("projection-std",
      projection_std,
      "first weights of a text or vision tower's projection; 0 is Xavier. Small ones (0.02) keep "
      "the first "
      "logits small where few steps follow");
    features.visit(v);
    v("fusion",
      fusion,
      "of the fusion tower: weighted (softmax weights over normed vectors), concat or sum");
  }

  void check() const;

  /// Whether texts are read and encoded here, by text_model.
  [[nodiscard]] bool encodes_text() const { return tower == "text" && features.text.empty(); }

  /// Whether covers or frames are read and encoded here, by vision_model.
  [[nodiscard]] bool encodes_pictures() const {
    return (tower == "image" || tower == "video") && !vision_model.empty();
  }
};

/// The picture files of items 0..N, [0] of none: one cover each, or a video's frames in time order.
using Pictures = std::vector<std::vector<std::filesystem::path>>;

/// What the towers image (covers) and video (frames.jsonl) of a vision model read.
/// @param item_ids [N+1], item_ids[0] is no item. @throws DataError naming the first item that has
/// no picture
Pictures find_pictures(const TowerConfig& config, const std::vector<std::string>& item_ids);

/// The sources of the towers text (frozen vectors), image, video and fusion.
/// @param item_ids [N+1], item_ids[0] is no item
std::vector<rec_models::FeatureSource> feature_sources(const TowerConfig& config,
                                                       const std::vector<std::string>& item_ids);

/// Vectors of items 0..N; row 0 is padding (an id tower has a row for it, the others give zeros).
struct ItemTowerImpl : torch::nn::Module {
  /// An id tower. @param num_items N
  ItemTowerImpl(std::int64_t num_items, std::int64_t width);

  /// A text tower. @param texts [N+1], texts[0] unused
  ItemTowerImpl(const std::vector<std::string>& texts,
                std::int64_t width,
                const TowerConfig& config,
                torch::Device device);

  /// A vision tower. Pictures are read from their files again in every step, those of the batch's
  /// items once, on all threads. @throws DataError when the model is not one of the tower's kind
  ItemTowerImpl(const Pictures& pictures,
                std::int64_t width,
                const TowerConfig& config,
                torch::Device device);

  /// A tower over features.
  ItemTowerImpl(const std::vector<rec_models::FeatureSource>& sources,
                std::int64_t width,
                const TowerConfig& config,
                torch::Device device);

  /// index int64 [n] of 0..N -> [n, D]
  torch::Tensor forward(const torch::Tensor& index);

  /// forward() of the same index in all processes. An encoder that trains reads a part of the
  /// items in each, and they tell each other: collective, backward too.
  torch::Tensor shared_vectors(const torch::Tensor& index, const comm::Communicator& processes);

  /// Encodes all items once, in fp32, where the encoder does not train, or reads them from
  /// config.vector_cache. forward() does so when first called.
  void encode_frozen();

  /// All vectors [N+1, D] without gradients, in chunks.
  torch::Tensor all_vectors();

  /// Draws what no checkpoint gave: the table, or the projection.
  void init(std::uint64_t seed);

  [[nodiscard]] std::int64_t num_items() const { return num_items_; }

  nn::Embedding item_embedding{nullptr};       ///< id tower
  models::Bert encoder{nullptr};               ///< text tower
  models::Vit vision{nullptr};                 ///< image and video towers of a vision model
  nn::Linear project{nullptr};                 ///< of encoder or vision
  rec_models::FeatureTower features{nullptr};  ///< towers over features

 private:
  /// Items of an index that are encoded here.
  struct Part {
    std::int64_t begin = 0;
    std::int64_t size = 0;
  };

  /// Vectors of a part of the index.
  torch::Tensor vectors_of(const torch::Tensor& index, const Part& part);

  torch::Tensor encode(const torch::Tensor& index, const Part& part);
  torch::Tensor encode_texts(const torch::Tensor& index, const Part& part);
  torch::Tensor encode_pictures(const torch::Tensor& index);

  /// What a pass over a part of the index drops: nothing unless the encoder trains.
  [[nodiscard]] models::BertDropout dropout_of(const torch::Tensor& index, const Part& part) const;

  /// float [n, 3, S, S] of items on the CPU, [n, T, 3, S, S] of videos.
  [[nodiscard]] torch::Tensor read_pixels(const torch::Tensor& items) const;

  [[nodiscard]] bool encoder_trains() const;

  /// 0..N in chunks that are encoded at one time.
  [[nodiscard]] std::vector<torch::Tensor> all_items(torch::Device device) const;

  /// The bytes that the encoder reads, of items 0..N.
  [[nodiscard]] std::vector<std::string> contents() const;

  std::int64_t num_items_;
  bool mean_pooling_ = false;
  double projection_std_ = 0;
  models::BertDropout dropout_;  ///< shares; a pass adds the rest
  torch::Tensor token_ids_;      ///< int64 [N+1, T]
  torch::Tensor lengths_;        ///< int64 [N+1]
  Pictures pictures_;
  models::TowerPixelConfig pixels_;
  std::filesystem::path model_;         ///< folder of the encoder
  std::filesystem::path vector_cache_;  ///< empty: none
  torch::Tensor frozen_;                ///< [N+1, D_encoder] where the encoder does not train
};

TORCH_MODULE(ItemTower);

}  // namespace vragent::recommender
