// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/decoding/row_batch.h"

#include <algorithm>

namespace vragent::engine {
namespace {

using torch::Tensor;

constexpr std::int64_t kFirstCapacity = 32;  ///< tokens of a row's slot; doubled when it is full

}  // namespace

RowBatch::RowBatch(const models::TextModel& model, const BatchLimits& limits)
    : model_(model), limits_(limits) {
  for (std::int64_t slot = limits.rows; slot > 0; --slot) free_slots_.push_back(slot - 1);
}

void RowBatch::add(std::span<const std::int64_t> num_samples,
                   std::vector<std::vector<ops::LayerKv>> prefixes) {
  if (cache_.own.empty())
    cache_.own =
        empty_slots(prefixes.front(), limits_.rows, std::min(kFirstCapacity, limits_.tokens));
  for (std::size_t p = 0; p < num_samples.size(); ++p) {
    cache_.groups.push_back({std::move(prefixes[p]), num_samples[p]});
    for (std::int64_t sample = 0; sample < num_samples[p]; ++sample) {
      cache_.slots.push_back(free_slots_.back());
      cache_.lengths.push_back(0);
      free_slots_.pop_back();
    }
  }
}

void RowBatch::remove(const std::vector<bool>& done) {
  std::size_t kept = 0;
  std::size_t row = 0;
  for (ops::DecodeCache::Group& group : cache_.groups) {
    const std::size_t end = row + static_cast<std::size_t>(group.num_rows);
    for (; row < end; ++row) {
      if (done[row]) {
        free_slots_.push_back(cache_.slots[row]);
        group.num_rows -= 1;
        continue;
      }
      cache_.slots[kept] = cache_.slots[row];
      cache_.lengths[kept] = cache_.lengths[row];
      kept += 1;
    }
  }
  cache_.slots.resize(kept);
  cache_.lengths.resize(kept);
  std::erase_if(cache_.groups, [](const auto& group) { return group.num_rows == 0; });
}

void RowBatch::grow_slots() {
  const std::int64_t capacity = cache_.own[0].k.size(1);
  if (*std::max_element(cache_.lengths.begin(), cache_.lengths.end()) < capacity) return;
  double_slots(cache_.own);
}

Tensor RowBatch::step(std::span<const NextToken> tokens) {
  grow_slots();
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  for (const NextToken& token : tokens) {
    ids.push_back(token.id);
    positions.push_back(token.position);
  }
  models::Decoder decoder = model_.decoder;
  const Tensor hidden = decoder->forward(
      decoder->embed_tokens(torch::tensor(ids)), torch::tensor(positions), {.cache = &cache_});
  for (std::int64_t& length : cache_.lengths) ++length;
  return model_.logits(hidden);
}

}  // namespace vragent::engine
