// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Qwen2.5-VL: the vision tower's features stand in for image placeholders in the text (`models.md`
// 3).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/models/causal_lm.h"
#include "vragent/models/pixels.h"
#include "vragent/models/vision_tower.h"

namespace vragent::models {

struct VisionLmConfig {
  CausalLmConfig text;
  VisionConfig vision;
  std::int64_t image_token_id = 151655;
  std::int64_t video_token_id = 151656;
};

/// @throws DataError
VisionLmConfig parse_vision_lm_config(const std::string& config_json, const std::string& where);

/// A config.json that transformers reads (4.x flat spelling).
std::string to_config_json(const VisionLmConfig& config);

/// Videos are shown as images of their frames; there is no other way yet.
/// @throws DataError when a place for a video (<|video_pad|>) is among the ids
void refuse_videos(const std::vector<std::int64_t>& ids, const VisionLmConfig& config);

/// ids with each image placeholder repeated once per merged cell of its image.
/// @throws DataError when placeholders and images differ in number
std::vector<std::int64_t> expand_image_tokens(const std::vector<std::int64_t>& ids,
                                              const std::vector<Grid>& grids,
                                              const VisionLmConfig& config);

/// Positions (time, height, width) of expanded ids, and what is added to the count of later tokens.
struct MropePositions {
  torch::Tensor positions;  ///< int64 [3, T]
  std::int64_t delta = 0;  ///< token n (from 0) of the continuation stands at n + delta on all axes
};

/// Text counts up; an image at position p takes time p, height p + row, width p + column; the next
/// text stands behind the largest of them (trained semantics).
MropePositions mrope_positions(const std::vector<std::int64_t>& expanded_ids,
                               const std::vector<Grid>& grids,
                               const VisionLmConfig& config);

/// load_qwen_pixel_config() for a model's tower. @throws DataError also when the folder's
/// preprocessor cuts other patches than the tower reads
QwenPixelConfig load_pixels_for(const VisionConfig& tower, const std::filesystem::path& folder);

/// A prompt of token ids and images as the model takes it.
struct VisionPrompt {
  std::vector<std::int64_t> ids;  ///< image places expanded
  std::vector<Grid> grids;        ///< one an image
  torch::Tensor patches;          ///< [sum of h*w, C*T*p*p]; undefined without images
  MropePositions places;
};

/// @param ids with one image token an image, or with as many as its cells
/// @param images in reading order; pointers where they lie in several messages
/// @throws DataError when places and images do not fit each other, or one is a video's
VisionPrompt vision_prompt(std::vector<std::int64_t> ids,
                           std::span<const media::Image* const> images,
                           const VisionLmConfig& config,
                           const QwenPixelConfig& pixels);
VisionPrompt vision_prompt(std::vector<std::int64_t> ids,
                           const std::vector<media::Image>& images,
                           const VisionLmConfig& config,
                           const QwenPixelConfig& pixels);

struct VisionLmImpl : torch::nn::Module {
  explicit VisionLmImpl(const VisionLmConfig& config);

  /// Embeddings of expanded ids with the features of image cells in their places.
  /// @param ids int64 [N]; features [number of image tokens in ids, D], in reading order
  /// (undefined: none)
  /// @return [N, D]
  torch::Tensor embed(const torch::Tensor& ids, const torch::Tensor& features);

  [[nodiscard]] TextModel text() const;

  VisionLmConfig config;
  VisionTower visual{nullptr};
  Decoder language_model{nullptr};
  nn::Linear lm_head{nullptr};  ///< absent when tied
};

TORCH_MODULE(VisionLm);

/// Loads a folder in any name layout: visual.* and model.layers.* (the Hub's), model.visual.* and
/// model.language_model.*, or the same without "model." (a model without a head). @throws DataError
/// with a full report
VisionLm load_vision_lm(const std::filesystem::path& folder,
                        torch::Dtype dtype,
                        torch::Device device);

}  // namespace vragent::models
