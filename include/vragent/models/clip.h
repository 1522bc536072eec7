// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// CLIP (Radford et al. 2021): two encoders whose outputs meet in one space (`models.md` 4).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"

namespace vragent::models {

/// Sizes of one of the two transformers.
struct ClipEncoderConfig {
  std::int64_t hidden_size = 512;
  std::int64_t intermediate_size = 2048;
  std::int64_t num_layers = 12;
  std::int64_t num_heads = 8;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5;
};

struct ClipConfig {
  ClipEncoderConfig text;
  ClipEncoderConfig vision;
  std::int64_t vocab_size = 49408;
  std::int64_t max_positions = 77;
  std::int64_t eos_token_id =
      2;  ///< 2 is what OpenAI's configs say: then the largest id marks the end
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  std::int64_t projection_dim = 512;
};

/// @throws DataError
ClipConfig parse_clip_config(const std::string& config_json, const std::string& where);

/// A config.json that transformers reads.
std::string to_config_json(const ClipConfig& config);

struct ClipImpl : torch::nn::Module {
  explicit ClipImpl(const ClipConfig& config);

  /// @param ids int64 [B, T], wrapped in start and end tokens, padded behind the end token
  /// @return projected vectors [B, P], not normalised
  torch::Tensor encode_text(const torch::Tensor& ids);

  /// @param pixels float [B, 3, S, S] as clip_pixels() gives them
  /// @return projected vectors [B, P], not normalised
  torch::Tensor encode_image(const torch::Tensor& pixels);

  ClipConfig config;
  nn::Embedding token_embedding{nullptr};
  nn::Embedding text_positions{nullptr};
  torch::nn::ModuleList text_layers;
  nn::LayerNorm final_layer_norm{nullptr};
  torch::Tensor class_embedding;  ///< [D]
  torch::Tensor patch_weight;     ///< [D, 3, p, p]
  nn::Embedding vision_positions{nullptr};
  nn::LayerNorm pre_layernorm{nullptr};
  torch::nn::ModuleList vision_layers;
  nn::LayerNorm post_layernorm{nullptr};
  nn::Linear visual_projection{nullptr};
  nn::Linear text_projection{nullptr};
  torch::Tensor logit_scale;  ///< scalar, the logarithm of the temperature's inverse
};

TORCH_MODULE(Clip);

/// Loads a CLIPModel folder. @throws DataError with a full report
Clip load_clip(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device);

/// Cosine of each row of a [A, P] with each row of b [B, P]: [A, B], fp32.
torch::Tensor cosine_matrix(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace vragent::models
