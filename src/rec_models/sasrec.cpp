// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/sasrec.h"

#include <cmath>

#include "vragent/nn/dropout.h"
#include "vragent/ops/attention.h"

namespace vragent::rec_models {
namespace {

using torch::Tensor;

constexpr double kNormEps = 1e-6;
constexpr double kHidden = -1e9;  // finite, so that a row of pads stays finite

/// Where the real positions of left-padded rows stand: M of B*L.
struct RealPlaces {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  Tensor where;  ///< int64 [M], flat
  Tensor mask;   ///< additive [B, 1, L, L]: what a position does not see
  BatchPart part;

  /// x [M, D] -> [B, H, L, d], zeros at pads
  [[nodiscard]] Tensor spread(const Tensor& x, std::int64_t heads) const {
    return ops::padded_heads(x, where, rows, length, heads);
  }
};

/// @param real bool [B, L]; options of the mask
RealPlaces places_of(const Tensor& real,
                     const torch::TensorOptions& options,
                     const BatchPart& part = {}) {
  const std::int64_t length = real.size(1);
  const Tensor visible =
      ops::causal_mask(length, real.device()).unsqueeze(0).logical_and(real.unsqueeze(1));
  return {.rows = real.size(0),
          .length = length,
          .where = real.flatten().nonzero().squeeze(1),
          .mask = torch::zeros(visible.sizes(), options)
                      .masked_fill(visible.logical_not(), kHidden)
                      .unsqueeze(1),
          .part = part};
}

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

  /// x [M, D], the real positions -> [M, D]
  Tensor forward(const Tensor& x, const RealPlaces& places) {
    const Tensor mixed = attend(places.spread(query(x), heads), x, places.mask, places);
    return rest(x, mixed.index_select(0, places.where), places.part.positions);
  }

  /// x [M, D] -> the states of the last positions alone [B, D]. @param last [B], places in x
  Tensor forward_last(const Tensor& x, const Tensor& last, const RealPlaces& places) {
    const Tensor asking = x.index_select(0, last);
    const Tensor q = query(asking).view({places.rows, 1, heads, -1}).transpose(1, 2);
    return rest(asking, attend(q, x, places.mask.narrow(2, places.length - 1, 1), places), {});
  }

  /// q [B, H, T, d] against all of x [M, D] -> [B*T, D]
  Tensor attend(const Tensor& q, const Tensor& x, const Tensor& mask, const RealPlaces& places) {
    const Tensor scaled = q / std::sqrt(static_cast<double>(q.size(3)));
    const Tensor k = places.spread(key(x), heads);
    const Tensor weights =
        drop(torch::softmax(scaled.matmul(k.transpose(2, 3)) + mask, -1), places.part.users);
    return weights.to(q.scalar_type())
        .matmul(places.spread(value(x), heads))
        .transpose(1, 2)
        .reshape({-1, x.size(1)});
  }

  /// What follows the attention, for rows of its own.
  Tensor rest(const Tensor& x, const Tensor& mixed, const nn::BatchRows& rows) {
    const Tensor attended = attention_norm(x + drop(output(mixed), rows));
    return feed_forward_norm(attended + drop(outer(torch::relu(inner(attended))), rows));
  }

  [[nodiscard]] Tensor drop(const Tensor& x, const nn::BatchRows& rows) const {
    return nn::dropout(x, dropout, is_training(), rows);
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

Tensor SasRecImpl::forward(const Tensor& items, const Tensor& real) {
  const std::int64_t length = items.size(1);
  TORCH_CHECK(items.dim() == 3 && real.sizes() == items.sizes().slice(0, 2),
              "sasrec: items ",
              items.sizes(),
              ", real ",
              real.sizes());
  const Tensor numbers = torch::arange(1, real.numel() + 1, real.options().dtype(torch::kInt64));
  const Tensor pad = torch::zeros({1, items.size(2)}, items.options());
  return states(torch::cat({pad, items.flatten(0, 1)}),
                numbers.view({real.size(0), length}) * real);
}

Tensor SasRecImpl::first_states(const Tensor& vectors,
                                const Tensor& places,
                                const Tensor& where,
                                const nn::BatchRows& rows) {
  const std::int64_t length = places.size(1);
  TORCH_CHECK(places.dim() == 2 && length <= config.max_len,
              "sasrec: places ",
              places.sizes(),
              " for at most ",
              config.max_len,
              " positions");
  const Tensor items = vectors.index_select(0, places.flatten().index_select(0, where));
  const Tensor slots = where.remainder(length) + (config.max_len - length);
  return nn::dropout(layer_norm(items + position_embedding->weight.index_select(0, slots)),
                     config.dropout,
                     is_training(),
                     rows);
}

Tensor SasRecImpl::states(const Tensor& vectors, const Tensor& places, const BatchPart& part) {
  const RealPlaces real = places_of(places > 0, vectors.options(), part);
  Tensor x = first_states(vectors, places, real.where, part.positions);
  for (const auto& block : *blocks) x = block->as<BlockImpl>()->forward(x, real);
  return torch::zeros({places.numel(), x.size(1)}, x.options())
      .index_copy(0, real.where, x)
      .view({places.size(0), places.size(1), -1});
}

Tensor SasRecImpl::last_states(const Tensor& vectors, const Tensor& places) {
  const Tensor has_items = places.select(1, places.size(1) - 1) > 0;
  if (!has_items.all().item<bool>() || blocks->is_empty())
    return states(vectors, places).select(1, places.size(1) - 1);
  const RealPlaces real = places_of(places > 0, vectors.options());
  Tensor x = first_states(vectors, places, real.where, {});
  const Tensor last = (places > 0).sum(1).cumsum(0) - 1;
  const auto num_blocks = static_cast<std::int64_t>(blocks->size());
  for (std::int64_t i = 0; i + 1 < num_blocks; ++i)
    x = blocks[static_cast<std::size_t>(i)]->as<BlockImpl>()->forward(x, real);
  return blocks[static_cast<std::size_t>(num_blocks - 1)]->as<BlockImpl>()->forward_last(
      x, last, real);
}

}  // namespace vragent::rec_models
