// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/graph.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include "rec_models/collaborative/row_kernels.h"

namespace vragent::rec_models::collaborative {
namespace {

using torch::Tensor;

constexpr std::int64_t kRowsOfATask = 64;

/// scale (added + A x), or scale A x where `added` is undefined; all contiguous.
template <class T>
Tensor product_of(const Tensor& offsets,
                  const Tensor& neighbours,
                  const Tensor& weights,
                  const Tensor& x,
                  const Tensor& added = {},
                  double scale = 1) {
  Tensor y = torch::empty_like(x);
  const SparseProduct<T> task{.offsets = offsets.data_ptr<std::int64_t>(),
                              .neighbours = neighbours.data_ptr<std::int64_t>(),
                              .weights = weights.data_ptr<T>(),
                              .x = x.data_ptr<T>(),
                              .y = y.data_ptr<T>(),
                              .width = x.size(1),
                              .added = added.defined() ? added.data_ptr<T>() : nullptr,
                              .scale = static_cast<T>(scale)};
  at::parallel_for(0, x.size(0), kRowsOfATask, [&](std::int64_t begin, std::int64_t end) {
    run(task, begin, end);
  });
  return y;
}

struct Unheard : c10::WarningHandler {
  void process(const c10::Warning&) override {}
};

/// ATen twin of the kernels, for other devices.
Tensor sparse_product(const Tensor& offsets,
                      const Tensor& neighbours,
                      const Tensor& weights,
                      const Tensor& x) {
  const auto options = torch::TensorOptions(x.dtype()).layout(torch::kSparseCsr).device(x.device());
  // torch says of every first sparse matrix that this layout may change; that is no news to a user.
  Unheard unheard;
  const c10::WarningUtils::WarningHandlerGuard quiet(&unheard);
  return at::sparse_csr_tensor(offsets, neighbours, weights, {x.size(0), x.size(0)}, options)
      .matmul(x);
}

Tensor multiplied(const Tensor& offsets,
                  const Tensor& neighbours,
                  const Tensor& weights,
                  const Tensor& x) {
  if (!x.is_cpu()) return sparse_product(offsets, neighbours, weights, x);
  return x.scalar_type() == torch::kFloat64
             ? product_of<double>(offsets, neighbours, weights, x.contiguous())
             : product_of<float>(offsets, neighbours, weights, x.contiguous());
}

class Propagation : public torch::autograd::Function<Propagation> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context,
                        const Tensor& x,
                        const Tensor& offsets,
                        const Tensor& neighbours,
                        const Tensor& weights,
                        const Tensor& transposed) {
    context->save_for_backward({offsets, neighbours, transposed});
    return multiplied(offsets, neighbours, weights, x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {multiplied(saved[0], saved[1], saved[2], gradients[0]),
            Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
  }
};

/// x + A (x + A (... )), L times A, then scaled: each step is one pass.
template <class T>
Tensor nested_products(const Tensor& offsets,
                       const Tensor& neighbours,
                       const Tensor& weights,
                       const Tensor& x,
                       std::int64_t layers) {
  Tensor y = x;
  for (std::int64_t i = 0; i < layers; ++i) {
    const double scale = i + 1 == layers ? 1.0 / static_cast<double>(layers + 1) : 1.0;
    y = product_of<T>(offsets, neighbours, weights, y, x, scale);
  }
  return y;
}

Tensor mean_of_layers(const Tensor& offsets,
                      const Tensor& neighbours,
                      const Tensor& weights,
                      const Tensor& x,
                      std::int64_t layers) {
  if (x.is_cpu()) {
    const Tensor dense = x.contiguous();
    return x.scalar_type() == torch::kFloat64
               ? nested_products<double>(offsets, neighbours, weights, dense, layers)
               : nested_products<float>(offsets, neighbours, weights, dense, layers);
  }
  Tensor y = x;
  for (std::int64_t i = 0; i < layers; ++i) y = x + sparse_product(offsets, neighbours, weights, y);
  return y / static_cast<double>(layers + 1);
}

class MeanPropagation : public torch::autograd::Function<MeanPropagation> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context,
                        const Tensor& x,
                        const Adjacency& adjacency,
                        std::int64_t layers) {
    context->save_for_backward({adjacency.offsets, adjacency.neighbours, adjacency.transposed});
    context->saved_data["layers"] = layers;
    return mean_of_layers(adjacency.offsets, adjacency.neighbours, adjacency.weights, x, layers);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {mean_of_layers(
                saved[0], saved[1], saved[2], gradients[0], context->saved_data["layers"].toInt()),
            Tensor(),
            Tensor()};
  }
};

void check_nodes(const Adjacency& adjacency, const Tensor& x) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) + 1 == adjacency.offsets.size(0),
              "propagate: ",
              x.sizes(),
              " for ",
              adjacency.offsets.size(0) - 1,
              " nodes");
}

/// Both directions of every edge as (node, node), sorted, each once.
std::vector<std::pair<std::int64_t, std::int64_t>> directed(std::span<const Edge> edges,
                                                            std::int64_t num_users) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  pairs.reserve(edges.size() * 2);
  for (const Edge& edge : edges) {
    pairs.emplace_back(edge.user, num_users + edge.item);
    pairs.emplace_back(num_users + edge.item, edge.user);
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

}  // namespace

Adjacency Adjacency::to(torch::Device device, torch::Dtype dtype) const {
  return {.offsets = offsets.to(device),
          .neighbours = neighbours.to(device),
          .weights = weights.to(device, dtype),
          .transposed = transposed.to(device, dtype)};
}

Adjacency make_adjacency(std::span<const Edge> edges,
                         std::int64_t num_users,
                         std::int64_t num_items,
                         EdgeWeight weight) {
  const auto pairs = directed(edges, num_users);
  const auto num_nodes = static_cast<std::size_t>(num_users + num_items + 1);
  std::vector<std::int64_t> offsets(num_nodes + 1, 0);
  for (const auto& [node, neighbour] : pairs) ++offsets[static_cast<std::size_t>(node) + 1];
  for (std::size_t i = 1; i <= num_nodes; ++i) offsets[i] += offsets[i - 1];
  const auto degree = [&](std::int64_t node) {
    const auto i = static_cast<std::size_t>(node);
    return static_cast<double>(offsets[i + 1] - offsets[i]);
  };
  std::vector<std::int64_t> neighbours;
  std::vector<double> weights;
  std::vector<double> transposed;
  for (const auto& [node, neighbour] : pairs) {
    const double own = degree(node);
    const double other = degree(neighbour);
    const bool is_mean = weight == EdgeWeight::kMean;
    neighbours.push_back(neighbour);
    weights.push_back(is_mean ? 1 / own : 1 / std::sqrt(own * other));
    transposed.push_back(is_mean ? 1 / other : weights.back());
  }
  return {.offsets = torch::tensor(offsets, torch::kInt64),
          .neighbours = torch::tensor(neighbours, torch::kInt64),
          .weights = torch::tensor(weights, torch::kFloat64),
          .transposed = torch::tensor(transposed, torch::kFloat64)};
}

Tensor propagate(const Adjacency& adjacency, const Tensor& x) {
  check_nodes(adjacency, x);
  return Propagation::apply(
      x, adjacency.offsets, adjacency.neighbours, adjacency.weights, adjacency.transposed);
}

Tensor propagate_mean(const Adjacency& adjacency, const Tensor& x, std::int64_t layers) {
  check_nodes(adjacency, x);
  TORCH_CHECK(layers >= 1, "propagate_mean: ", layers, " layers");
  return MeanPropagation::apply(x, adjacency, layers);
}

}  // namespace vragent::rec_models::collaborative
