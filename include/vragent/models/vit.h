// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Vision transformers for the recommender's towers: ViT (Dosovitskiy et al. 2021), the encoder of
// ViT-MAE (He et al. 2022) without its masking, VideoMAE (Tong et al. 2022) over short clips.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"

namespace vragent::models {

struct VitConfig {
  std::string model_type = "vit";  ///< vit, vit_mae or videomae
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_layers = 12;
  std::int64_t num_heads = 12;
  std::int64_t image_size = 224;  ///< S, both sides
  std::int64_t patch_size = 16;   ///< p; what S has beyond whole patches is cut off
  std::int64_t num_frames = 1;    ///< T of a clip; 1 for images
  std::int64_t tubelet_size = 1;  ///< t, frames of one patch; 1 for images
  std::string hidden_act = "gelu";
  double layer_norm_eps = 1e-12;
  bool qkv_bias = true;    ///< videomae: of queries and values only
  bool final_norm = true;  ///< videomae pooled by the mean has none

  [[nodiscard]] bool is_video() const { return model_type == "videomae"; }
};

/// @throws DataError naming what is not supported (sides that differ, other than three channels)
VitConfig parse_vit_config(const std::string& config_json, const std::string& where);

/// A config.json that transformers reads.
std::string to_config_json(const VitConfig& config);

struct VitImpl : torch::nn::Module {
  explicit VitImpl(const VitConfig& config);

  /// Patches with their positions; images have the class token in front.
  /// @param pixels float [B, 3, S, S], or [B, T, 3, S, S] for clips, as tower_pixels() gives them
  /// @return [B, N, D]; N is (T / t) * (S / p)^2, one more for images
  torch::Tensor embed(const torch::Tensor& pixels);

  /// @return last hidden states [B, N, D]
  torch::Tensor forward(const torch::Tensor& pixels);

  /// One vector an input from forward()'s states: the class token's, or a clip's mean. [B, D]
  [[nodiscard]] torch::Tensor pool(const torch::Tensor& states) const;

  VitConfig config;
  torch::Tensor class_token;          ///< [1, 1, D]; undefined for clips
  torch::Tensor position_embeddings;  ///< [1, N, D]; of clips a fixed table of sines, no parameter
  torch::Tensor patch_weight;         ///< [D, 3, p, p], of clips [D, 3, t, p, p]
  torch::Tensor patch_bias;           ///< [D]
  torch::nn::ModuleList layers;
  nn::LayerNorm layernorm{nullptr};  ///< absent without final_norm
};

TORCH_MODULE(Vit);

/// Loads ViTModel, ViTForImageClassification, ViTMAEModel, ViTMAEForPreTraining, VideoMAEModel and
/// its kin, with the names of transformers 4.x and 5.x; poolers, heads and decoders are passed
/// over. @throws DataError with a full report
Vit load_vit(const std::filesystem::path& folder, torch::Dtype dtype, torch::Device device);

/// The table that VideoMAE adds to its patches: column j holds sin (even j) or cos (odd j) of
/// position / 10000^(2 floor(j / 2) / width). fp32 [1, count, width]
torch::Tensor sinusoid_table(std::int64_t count, std::int64_t width);

}  // namespace vragent::models
