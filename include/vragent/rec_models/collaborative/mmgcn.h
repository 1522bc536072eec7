// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// MMGCN (Wei et al. 2019) as MMRec has it: a graph network for each modality, their mean as the
// vectors of users and items (`recommender.md` 3.6).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "vragent/nn/layers.h"
#include "vragent/rec_models/collaborative/graph.h"
#include "vragent/rec_models/collaborative/node_vectors.h"

namespace vragent::rec_models::collaborative {

/// What items look like in one modality.
struct Modality {
  torch::Tensor features;    ///< [N+1, F], row 0 zero
  std::int64_t reduced = 0;  ///< width after a linear layer (release: visual 256); 0: as they are
};

struct MmgcnConfig {
  std::int64_t num_users = 0;
  std::int64_t num_items = 0;
  std::int64_t width = 64;  ///< D
};

/// One layer: h = leaky(mean of the neighbours' x W), g = leaky(U x + b) + id,
/// y = leaky(G [h ; g] + c).
struct MmgcnLayerImpl : torch::nn::Module {
  MmgcnLayerImpl(std::int64_t in, std::int64_t width);

  /// x [U+N+1, in], ids [U+N+1, D] -> [U+N+1, D]
  torch::Tensor forward(const Adjacency& adjacency,
                        const torch::Tensor& x,
                        const torch::Tensor& ids);

  torch::Tensor weight;  ///< W [in, in]
  nn::Linear own;        ///< U [D, in]
  nn::Linear merge;      ///< G [D, in + D]
};

TORCH_MODULE(MmgcnLayer);

/// Three layers over the rows [P ; F], each scaled to length 1.
struct MmgcnModalityImpl : torch::nn::Module {
  MmgcnModalityImpl(const MmgcnConfig& config, const Modality& modality);

  /// @param features [N+1, F]; ids [U+N+1, D] -> [U+N+1, D]
  torch::Tensor forward(const Adjacency& adjacency,
                        const torch::Tensor& features,
                        const torch::Tensor& ids);

  torch::Tensor preference;    ///< P [U, reduced or F]
  nn::Linear reduce{nullptr};  ///< [reduced, F]; absent where features stay as they are
  torch::nn::ModuleList layers;
};

TORCH_MODULE(MmgcnModality);

struct MmgcnImpl : torch::nn::Module {
  /// @param modalities at least one
  MmgcnImpl(const MmgcnConfig& config, const std::vector<Modality>& modalities);

  /// @param adjacency with EdgeWeight::kMean
  NodeVectors forward(const Adjacency& adjacency);

  /// mean(id_u^2 + id_i^2) over the given pairs of users and items, plus mean(P^2) of the
  /// modalities with a linear layer: what the release's regularisation is a multiple of.
  /// @param users, items int64 [n]
  torch::Tensor penalty(const torch::Tensor& users, const torch::Tensor& items);

  /// Leaves ids and preferences as they are drawn, as the release does without meaning to.
  void freeze_tables();

  void to_device(torch::Device device);

  MmgcnConfig config;
  torch::Tensor ids;            ///< [U+N+1, D]
  torch::nn::ModuleList parts;  ///< one MmgcnModality a modality

 private:
  std::vector<torch::Tensor> features_;
};

TORCH_MODULE(Mmgcn);

}  // namespace vragent::rec_models::collaborative
