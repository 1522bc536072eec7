// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The vision transformer of Qwen2.5-VL (Bai et al. 2025; `models.md` 3.1): patches, 2D rotary
// positions, attention inside windows (some blocks: inside whole images), merger of 2 x 2 patches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"

namespace vragent::models {

struct VisionConfig {
  std::int64_t depth = 32;
  std::int64_t hidden_size = 1280;
  std::int64_t intermediate_size = 3420;
  std::int64_t num_heads = 16;
  std::int64_t in_channels = 3;
  std::int64_t patch_size = 14;
  std::int64_t temporal_patch_size = 2;
  std::int64_t spatial_merge_size = 2;
  std::int64_t window_size = 112;  ///< in pixels
  std::int64_t out_hidden_size = 3584;
  std::vector<std::int64_t> fullatt_block_indexes = {7, 15, 23, 31};
};

/// Reads vision_config of a Qwen2.5-VL config.json (Hub and class spellings). @throws DataError
VisionConfig parse_vision_config(const std::string& config_json, const std::string& where);

/// Patches of one image or clip: t frames pairs of h x w patches.
struct Grid {
  std::int64_t t = 1;
  std::int64_t h = 0;
  std::int64_t w = 0;
};

/// Which rows attend to each other. Rows are in window order.
struct VisionLayout {
  std::vector<std::int64_t> window_index;  ///< merged cells in window order
  std::vector<std::int64_t> window_ends;   ///< cumulative rows, from 0 (cu_window)
  std::vector<std::int64_t>
      frame_ends;  ///< cumulative rows of each image and t, from 0 (cu_seqlens)
};

VisionLayout vision_layout(const std::vector<Grid>& grids, const VisionConfig& config);

struct VisionBlockImpl;
TORCH_MODULE(VisionBlock);

struct VisionTowerImpl : torch::nn::Module {
  explicit VisionTowerImpl(const VisionConfig& config);

  /// @param rows [N, C*T*p*p], images one behind the other, each in block-major order
  /// @param grids one an image; their t*h*w sum to N
  /// @return merged features in block-major order, [N / merge^2, out_hidden_size]
  torch::Tensor forward(const torch::Tensor& rows, const std::vector<Grid>& grids);

  VisionConfig config;
  torch::Tensor patch_weight;  ///< patch_embed.proj.weight [hidden, C, T, p, p]
  torch::nn::ModuleList blocks;
  nn::RmsNorm merger_norm{nullptr};
  nn::Linear merger_in{nullptr};
  nn::Linear merger_out{nullptr};

 private:
  torch::Tensor encode(const torch::Tensor& rows, const std::vector<Grid>& grids);
};

TORCH_MODULE(VisionTower);

}  // namespace vragent::models
