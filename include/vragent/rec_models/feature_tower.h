// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Item towers over vectors that were computed before: text, image, video, or several of them fused
// (`recommender.md` 3.3, 3.4). The features themselves do not train.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"

namespace vragent::rec_models {

struct FeatureSource {
  torch::Tensor features;  ///< [N+1, F]
  bool is_video = false;   ///< its projection ends in GELU, as the release's does
};

/// How vectors y_m = W_m x_m + b_m of several modalities become one.
enum class Fusion {
  kWeighted,  ///< sum_m softmax(mix)_m LayerNorm(y_m): the paper's "weighted pooling" as we read it
  kConcat,    ///< two linear layers over all y_m side by side, as the release has them
  kSum,       ///< sum_m y_m
};

struct FeatureTowerImpl : torch::nn::Module {
  /// One source is projected; Fusion is of several.
  FeatureTowerImpl(const std::vector<FeatureSource>& sources, std::int64_t width, Fusion fusion);

  /// index int64 [n] of 0..N -> [n, D]; padding (0) gives zeros
  torch::Tensor forward(const torch::Tensor& index);

  /// Xavier matrices, biases and mix zero, norms one.
  void init(std::uint64_t seed);

  void to_device(torch::Device device);

  torch::nn::ModuleList projects;  ///< a Linear [D, F] a source
  torch::nn::ModuleList norms;     ///< kWeighted: a LayerNorm a source
  torch::Tensor mix;               ///< kWeighted: [M]
  nn::Linear join{nullptr};        ///< kConcat: [D, M D]
  nn::Linear last{nullptr};        ///< kConcat: [D, D]

 private:
  std::vector<FeatureSource> sources_;
  Fusion fusion_;
};

TORCH_MODULE(FeatureTower);

}  // namespace vragent::rec_models
