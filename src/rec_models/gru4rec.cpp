// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/gru4rec.h"

#include "vragent/nn/dropout.h"

namespace vragent::rec_models {

using torch::Tensor;

Gru4RecImpl::Gru4RecImpl(const Gru4RecConfig& options)
    : config(options),
      input(register_module("input", nn::Linear(config.width, 3 * config.width, false))),
      hidden(register_module("hidden", nn::Linear(config.width, 3 * config.width, false))) {}

Tensor Gru4RecImpl::forward(const Tensor& items, nn::BatchRows rows) {
  TORCH_CHECK(items.dim() == 3 && items.size(2) == config.width,
              "gru4rec: want [B, L, ",
              config.width,
              "], got ",
              items.sizes());
  const Tensor from_input = input(nn::dropout(items, config.dropout, is_training(), rows));
  Tensor state = torch::zeros({items.size(0), config.width}, items.options());
  std::vector<Tensor> states;
  for (std::int64_t t = 0; t < items.size(1); ++t) {
    const auto x = from_input.select(1, t).chunk(3, -1);
    const auto h = hidden(state).chunk(3, -1);
    const Tensor reset = torch::sigmoid(x[0] + h[0]);
    const Tensor update = torch::sigmoid(x[1] + h[1]);
    const Tensor fresh = torch::tanh(x[2] + reset * h[2]);
    state = fresh + update * (state - fresh);
    states.push_back(state);
  }
  return torch::stack(states, 1);
}

}  // namespace vragent::rec_models
