// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/deepfm.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "rec_models/collaborative/history_vectors.h"
#include "rec_models/collaborative/row_kernels.h"

namespace vragent::rec_models::collaborative {
namespace {

using torch::Tensor;

constexpr std::int64_t kColumnsOfATask = 32;  // their vectors stay in cache for all rows

template <class T>
Tensor relu_product_on_cpu(const Tensor& a, const Tensor& b, const Tensor& w) {
  Tensor scores = torch::empty({a.size(0), b.size(0)}, a.options());
  const ReluProduct<T> task{.a = a.data_ptr<T>(),
                            .b = b.data_ptr<T>(),
                            .w = w.data_ptr<T>(),
                            .scores = scores.data_ptr<T>(),
                            .rows = a.size(0),
                            .columns = b.size(0),
                            .width = a.size(1)};
  const std::int64_t tasks = (task.columns + kColumnsOfATask - 1) / kColumnsOfATask;
  at::parallel_for(0, tasks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      run(task, i * kColumnsOfATask, std::min(task.columns, (i + 1) * kColumnsOfATask));
  });
  return scores;
}

/// sum_k w[k] relu(a[r, k] + b[c, k]): a [B, D], b [C, D], w [1, D] -> [B, C].
Tensor relu_product(const Tensor& a, const Tensor& b, const Tensor& w) {
  if (a.is_cpu() && a.scalar_type() == torch::kFloat32)
    return relu_product_on_cpu<float>(a.contiguous(), b.contiguous(), w.contiguous());
  if (a.is_cpu() && a.scalar_type() == torch::kFloat64)
    return relu_product_on_cpu<double>(a.contiguous(), b.contiguous(), w.contiguous());
  std::vector<Tensor> rows;
  for (const Tensor& row : a.unbind()) rows.push_back((row + b).relu_().matmul(w.squeeze(0)));
  return torch::stack(rows);
}

}  // namespace

DeepFmImpl::DeepFmImpl(const DeepFmConfig& c)
    : config(c),
      item_table(register_module("item_table", nn::Embedding(c.num_items + 1, c.width))),
      hidden(register_module("hidden",
                             nn::Linear((c.max_len + 1) * c.width, c.width, /*with_bias=*/false))),
      output(register_module("output", nn::Linear(c.width, 1))) {}

Tensor DeepFmImpl::candidate_weight() const {
  return hidden->weight.narrow(1, config.max_len * config.width, config.width);
}

DeepFmImpl::Parts DeepFmImpl::parts_of(const Tensor& history) {
  const Tensor vectors = history_vectors(item_table, history, config.max_len, "deepfm");
  const Tensor sum = vectors.sum(1);
  const Tensor squares = vectors.square().sum(at::IntArrayRef({1, 2}));
  return {.sum = sum,
          .constant = ((sum.square().sum(1) - squares) * 0.5).unsqueeze(1),
          .layer = vectors.flatten(1).matmul(
              hidden->weight.narrow(1, 0, config.max_len * config.width).t())};
}

Tensor DeepFmImpl::forward(const Tensor& history, const Tensor& candidates) {
  const Parts parts = parts_of(history);
  const Tensor vectors = item_table(candidates);
  const Tensor layer = vectors.matmul(candidate_weight().t());
  const Tensor deep = (parts.layer.unsqueeze(1) + layer).relu().matmul(output->weight.squeeze(0));
  return parts.sum.matmul(vectors.t()) + parts.constant + deep + output->bias;
}

Tensor DeepFmImpl::candidate_layer() {
  const torch::NoGradGuard no_grad;
  return item_table->weight.matmul(candidate_weight().t());
}

Tensor DeepFmImpl::all_scores(const Tensor& history,
                              const Tensor& layer,
                              DeepFmCandidates seen_by_fm) {
  const torch::NoGradGuard no_grad;
  const Parts parts = parts_of(history);
  const Tensor& seen = seen_by_fm == DeepFmCandidates::kHidden ? layer : item_table->weight;
  return parts.sum.matmul(seen.t()) + parts.constant +
         relu_product(parts.layer, layer, output->weight) + output->bias;
}

}  // namespace vragent::rec_models::collaborative
