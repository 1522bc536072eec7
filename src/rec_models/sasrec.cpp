// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/sasrec.h"

#include <cmath>

#include "vragent/ops/attention.h"

namespace vragent::rec_models {
namespace {

using torch::Tensor;

constexpr double kNormEps = 1e-6;
constexpr double kHidden = -1e9;  // finite, so that a row of pads stays finite

struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(const SasRecConfig& config)
      : heads(config.num_heads),
        dropout(config.dropout),
        query(register_module("query", nn::Linear(config.width, config.width, false))),
        key(register_module("key", nn::Linear(config.width, config.width, false))),
        value(register_module("value", nn::Linear(config.width, config.width, false))),
        output(register_module("output", nn::Linear(config.width, config.width, false))),
        attention_norm(register_module("attention_norm", nn::LayerNorm(config.width, kNormEps))),
        inner(register_module("inner", nn::Linear(config.width, 4 * config.width))),
        outer(register_module("outer", nn::Linear(4 * config.width, config.width))),
        feed_forward_norm(
            register_module("feed_forward_norm", nn::LayerNorm(config.width, kNormEps))) {}

  /// x [B, L, D], mask additive [B, 1, L, L]
  Tensor forward(const Tensor& x, const Tensor& mask, const nn::BatchRows& rows) {
    const auto drop = [&](const Tensor& values) {
      return nn::dropout(values, dropout, is_training(), rows);
    };
    const auto cut = [&](nn::Linear& linear) {
      return linear(x).view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
    };
    const Tensor q =
        cut(query) / std::sqrt(static_cast<double>(x.size(2)) / static_cast<double>(heads));
    const Tensor weights = drop(torch::softmax(q.matmul(cut(key).transpose(2, 3)) + mask, -1));
    const Tensor mixed = weights.matmul(cut(value)).transpose(1, 2).reshape(x.sizes());
    const Tensor attended = attention_norm(x + drop(output(mixed)));
    return feed_forward_norm(attended + drop(outer(torch::relu(inner(attended)))));
  }

  std::int64_t heads;
  double dropout;
  nn::Linear query;
  nn::Linear key;
  nn::Linear value;
  nn::Linear output;
  nn::LayerNorm attention_norm;
  nn::Linear inner;
  nn::Linear outer;
  nn::LayerNorm feed_forward_norm;
};

TORCH_MODULE(Block);

}  // namespace

SasRecImpl::SasRecImpl(const SasRecConfig& options)
    : config(options),
      position_embedding(
          register_module("position_embedding", nn::Embedding(config.max_len, config.width))),
      layer_norm(register_module("layer_norm", nn::LayerNorm(config.width, kNormEps))),
      blocks(register_module("blocks", torch::nn::ModuleList())) {
  for (std::int64_t i = 0; i < config.num_blocks; ++i) blocks->push_back(Block(config));
}

Tensor SasRecImpl::forward(const Tensor& items, const Tensor& real, nn::BatchRows rows) {
  const std::int64_t length = items.size(1);
  TORCH_CHECK(items.dim() == 3 && length <= config.max_len && real.size(1) == length,
              "sasrec: items ",
              items.sizes(),
              ", real ",
              real.sizes());
  const Tensor positions = position_embedding->weight.narrow(0, config.max_len - length, length);
  const Tensor visible =
      ops::causal_mask(length, items.device()).unsqueeze(0).logical_and(real.unsqueeze(1));
  const Tensor mask = torch::zeros(visible.sizes(), items.options())
                          .masked_fill(visible.logical_not(), kHidden)
                          .unsqueeze(1);
  Tensor x = nn::dropout(layer_norm(items + positions), config.dropout, is_training(), rows);
  for (const auto& block : *blocks) x = block->as<BlockImpl>()->forward(x, mask, rows);
  return x;
}

}  // namespace vragent::rec_models
