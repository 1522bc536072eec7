// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/collaborative/nfm.h"

#include <vector>

#include "rec_models/collaborative/history_vectors.h"

namespace vragent::rec_models::collaborative {

using torch::Tensor;

NfmImpl::NfmImpl(const NfmConfig& c)
    : config(c),
      item_table(register_module("item_table", nn::Embedding(c.num_items + 1, c.width))),
      hidden(register_module("hidden", nn::Linear(c.width, c.width))),
      output(register_module("output", nn::Linear(c.width, 1, /*with_bias=*/false))) {}

NfmImpl::Pooled NfmImpl::pooled(const Tensor& history) {
  const Tensor vectors = history_vectors(item_table, history, config.max_len, "nfm");
  const Tensor sum = vectors.sum(1);
  return {.sum = sum, .pairs = (sum.square() - vectors.square().sum(1)) * 0.5};
}

Tensor NfmImpl::forward(const Tensor& history, const Tensor& candidates) {
  const Pooled own = pooled(history);
  const Tensor interactions =
      own.sum.unsqueeze(1) * item_table(candidates) + own.pairs.unsqueeze(1);
  return hidden(interactions).relu().matmul(output->weight.squeeze(0));
}

Tensor NfmImpl::all_scores(const Tensor& history) {
  const torch::NoGradGuard no_grad;
  const Pooled own = pooled(history);
  const Tensor constant = hidden(own.pairs);
  std::vector<Tensor> rows;
  for (std::int64_t b = 0; b < history.size(0); ++b) {
    const Tensor weight = hidden->weight * own.sum[b];  // W1 (s * v) = (W1 diag s) v
    rows.push_back(at::addmm(constant[b], item_table->weight, weight.t())
                       .relu_()
                       .matmul(output->weight.squeeze(0)));
  }
  return torch::stack(rows);
}

}  // namespace vragent::rec_models::collaborative
