// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Who watched what as a sparse matrix over users and items, and its product with vectors of them:
// what graph models pass along edges.
#pragma once

#include <cstdint>
#include <span>

#include <torch/types.h>

namespace vragent::rec_models::collaborative {

/// An edge: user 0..U-1, item 1..N.
struct Edge {
  std::int32_t user = 0;
  std::int32_t item = 0;
};

/// A sparse square matrix A over U + N + 1 nodes, users first, then items with padding as the first
/// of them. Its pattern is symmetric, its weights need not be.
struct Adjacency {
  torch::Tensor offsets;     ///< int64 [U+N+2]: where a node's neighbours begin
  torch::Tensor neighbours;  ///< int64 [2E], ascending in each node
  torch::Tensor weights;     ///< [2E], A[node, neighbour]; float64 as made
  torch::Tensor transposed;  ///< [2E], A[neighbour, node], in the same order

  /// Moved, with weights of a dtype.
  [[nodiscard]] Adjacency to(torch::Device device, torch::Dtype dtype) const;
};

/// What an edge weighs between nodes of degrees d and e.
enum class EdgeWeight {
  kSymmetric,  ///< 1 / sqrt(d e), D^-1/2 A D^-1/2 (He et al. 2020, Eq. 3)
  kMean,       ///< 1 / d, D^-1 A: the mean over the neighbours of a node
};

/// Equal edges count once. @param num_items N
Adjacency make_adjacency(std::span<const Edge> edges,
                         std::int64_t num_users,
                         std::int64_t num_items,
                         EdgeWeight weight);

/// A x, differentiable in x. @param x [U+N+1, D], float32 or float64 as the weights; on the CPU one
/// pass over the edges without a copy of the vectors at their ends
torch::Tensor propagate(const Adjacency& adjacency, const torch::Tensor& x);

/// (x + A x + ... + A^L x) / (L + 1), LightGCN's mean of its layers (He et al. 2020, Eq. 4 with
/// equal weights), without keeping any layer. Differentiable in x; the same inputs as propagate().
torch::Tensor propagate_mean(const Adjacency& adjacency,
                             const torch::Tensor& x,
                             std::int64_t layers);

}  // namespace vragent::rec_models::collaborative
