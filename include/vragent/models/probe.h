// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Looking into checkpoints: what a folder holds, and one forward pass of whatever it is, for
// comparing with other implementations (`vragent inspect`).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/media/image.h"
#include "vragent/nn/safetensors.h"
#include "vragent/util/table.h"

namespace vragent::models {

/// What a forward pass is given. Images are for qwen2_5_vl, clip and the vision towers.
struct ProbeInput {
  std::vector<std::vector<std::int64_t>> ids;  ///< one list a text; several only for clip and
                                               ///< the bert family
  std::vector<media::Image> images;  ///< videomae: the frames of clips, one clip behind the other
  torch::Device device = torch::kCPU;
  std::string ids_source = "ids";  ///< where they come from, in front of errors
};

/// Type, sizes, number of parameters and bytes by group of tensors. Whole numbers (buffers) are
/// tensors and bytes, but no parameters.
Table describe_model(const std::filesystem::path& folder);

/// The same of any tensors by name.
Table describe_tensors(const std::string& title, const nn::NamedTensors& tensors);

/// What is done to a loaded language model before its pass (putting an adapter on it).
using PrepareModule = std::function<void(torch::nn::Module&)>;

/// Outputs of one forward pass, by name, on the CPU, in fp32 (int64 where it says so):
///   qwen2, qwen3, llama, qwen2_5_vl  "logits" [T, V]; "rotary_cos", "rotary_sin" [T, d], rounded
///   as
///     the model's dtype rounds them
///   qwen2_5_vl            also "positions" int64 [3, T]; with images "pixel_values" (rows of
///     patches), "image_features" [n, D], "grids" int64 [images, 3], "window_index", "window_ends",
///     "frame_ends" int64
///   clip                  "text_embeds" [B, P], "image_embeds" [B, P] (not normalised),
///     "pixel_values" [B, 3, S, S]
///   bert, roberta, xlm-roberta  "last_hidden_state" [B, T, D]; shorter texts are padded,
///     and an id that is the pad id is padding;
///     "first_states" and "mean_states" [B, D], which a text tower keeps
///   vit, vit_mae, videomae      "pixel_values" [B, (frames,) 3, S, S], "embeddings" and
///     "last_hidden_state" [B, N, D], "pooled" [B, D] (see VitImpl::pool)
/// Image placeholders may be given once per image or already expanded.
/// @throws DataError for ids outside the vocabulary, more of them than positions, or images that do
/// not fit the ids
nn::NamedTensors probe_model(const std::filesystem::path& folder,
                             const ProbeInput& input,
                             torch::Dtype dtype,
                             const PrepareModule& prepare = {});

}  // namespace vragent::models
