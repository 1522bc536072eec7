// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/decoding/slot_batch.h"

#include <algorithm>
#include <numeric>

namespace vragent::engine {
namespace {

using torch::Tensor;

constexpr std::int64_t kFirstCapacity = 64;  ///< tokens of a slot; doubled when one is full

Tensor like_rows(const Tensor& x, std::int64_t rows) {
  return torch::zeros({rows, x.size(1), x.size(2)}, x.options());
}

/// The rows of x that `rows` names, moved to the front of `into`.
void move_rows(const Tensor& x, const Tensor& rows, Tensor into) {
  into.narrow(0, 0, rows.size(0)).copy_(x.index_select(0, rows));
}

}  // namespace

SlotBatch::SlotBatch(const models::TextModel& model, const BatchLimits& limits, bool with_graph)
    : model_(model),
      limits_(limits),
      groups_(static_cast<std::size_t>(limits.groups)),
      lengths_(static_cast<std::size_t>(limits.rows)),
      places_(static_cast<std::size_t>(limits.rows)),
      slots_(static_cast<std::size_t>(limits.groups * limits.samples)) {
  for (std::size_t slot = lengths_.size(); slot > 0; --slot) free_slots_.push_back(slot - 1);
  if (with_graph) graph_.emplace(model.head.device());
}

void SlotBatch::add(std::span<const std::int64_t> num_samples,
                    std::vector<std::vector<ops::LayerKv>> prefixes) {
  const auto sum = [](std::int64_t total, const auto& prefix) {
    return total + prefix.front().k.size(0);
  };
  make_room(std::accumulate(prefixes.begin(), prefixes.end(), std::int64_t{0}, sum),
            prefixes.front());
  for (std::size_t p = 0; p < num_samples.size(); ++p) {
    const auto free = std::find_if(
        groups_.begin(), groups_.end(), [](const Group& group) { return group.length == 0; });
    TORCH_CHECK(free != groups_.end(), "slots: no group is free");
    *free = {pool_end_, prefixes[p].front().k.size(0), num_samples[p]};
    for (std::size_t layer = 0; layer < prefixes[p].size(); ++layer) {
      const ops::LayerKv& pool = cache_.prefixes[layer];
      pool.k.narrow(0, free->start, free->length).copy_(prefixes[p][layer].k);
      pool.v.narrow(0, free->start, free->length).copy_(prefixes[p][layer].v);
    }
    prefixes[p].clear();
    pool_end_ += free->length;
    const auto group = static_cast<std::size_t>(free - groups_.begin());
    for (std::int64_t sample = 0; sample < num_samples[p]; ++sample) {
      const std::size_t slot = free_slots_.back();
      free_slots_.pop_back();
      rows_.push_back({slot, group});
      places_[slot] = static_cast<std::int64_t>(group) * limits_.samples + sample;
      slots_[static_cast<std::size_t>(places_[slot])] = static_cast<std::int64_t>(slot);
      lengths_[slot] = 0;
    }
  }
}

void SlotBatch::make_room(std::int64_t tokens, const std::vector<ops::LayerKv>& like) {
  const std::int64_t capacity = cache_.prefixes.empty() ? 0 : cache_.prefixes[0].k.size(0);
  if (pool_end_ + tokens <= capacity) return;
  const auto sum = [](std::int64_t total, const Group& group) { return total + group.length; };
  const std::int64_t wanted =
      tokens + std::accumulate(groups_.begin(), groups_.end(), std::int64_t{0}, sum);
  repack(wanted <= capacity ? capacity : std::max(wanted, capacity + capacity / 2), like);
}

/// Moves the prefixes that are in use to the front of the pool, of another size where wanted.
void SlotBatch::repack(std::int64_t capacity, const std::vector<ops::LayerKv>& like) {
  const auto options = torch::TensorOptions(torch::kInt64);
  std::vector<Tensor> tokens = {torch::empty({0}, options)};
  pool_end_ = 0;
  for (Group& group : groups_) {
    if (group.length == 0) continue;
    tokens.push_back(torch::arange(group.start, group.start + group.length, options));
    group.start = pool_end_;
    pool_end_ += group.length;
  }
  const Tensor rows = torch::cat(tokens).to(like.front().k.device());
  if (cache_.prefixes.empty()) {
    for (const ops::LayerKv& layer : like)
      cache_.prefixes.push_back({like_rows(layer.k, capacity), like_rows(layer.v, capacity)});
    return;
  }
  const bool stays = capacity == cache_.prefixes[0].k.size(0);
  for (ops::LayerKv& layer : cache_.prefixes) {
    const ops::LayerKv moved =
        stays ? layer : ops::LayerKv{like_rows(layer.k, capacity), like_rows(layer.v, capacity)};
    move_rows(layer.k, rows, moved.k);
    move_rows(layer.v, rows, moved.v);
    layer = moved;
  }
  if (!stays && graph_) graph_->forget();
}

void SlotBatch::remove(const std::vector<bool>& done) {
  std::size_t kept = 0;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (!done[row]) {
      rows_[kept++] = rows_[row];
      continue;
    }
    free_slots_.push_back(rows_[row].slot);
    lengths_[rows_[row].slot] = 0;
    places_[rows_[row].slot] = 0;
    Group& group = groups_[rows_[row].group];
    group.rows -= 1;
    if (group.rows == 0) group = {};
  }
  rows_.resize(kept);
}

void SlotBatch::grow_slots() {
  const std::int64_t capacity = cache_.own.empty() ? 0 : cache_.own[0].k.size(1);
  if (*std::max_element(lengths_.begin(), lengths_.end()) < capacity) return;
  if (cache_.own.empty()) {
    cache_.own =
        empty_slots(cache_.prefixes, limits_.rows, std::min(kFirstCapacity, limits_.tokens));
    return;
  }
  double_slots(cache_.own);
  if (graph_) graph_->forget();
}

/// One copy to the device a step; the tensors of cache_ are views of it.
void SlotBatch::write_input(std::span<const NextToken> tokens) {
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> ids(lengths_.size(), 0);
  std::vector<std::int64_t> positions(lengths_.size(), 0);
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    ids[rows_[row].slot] = tokens[row].id;
    positions[rows_[row].slot] = tokens[row].position;
  }
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> prefix_lengths;
  for (const Group& group : groups_) {
    starts.push_back(group.start);
    prefix_lengths.push_back(std::max<std::int64_t>(1, group.length));
  }
  for (const auto* part :
       {&ids, &positions, &lengths_, &places_, &slots_, &starts, &prefix_lengths})
    all.insert(all.end(), part->begin(), part->end());
  const Tensor on_cpu = torch::tensor(all, torch::kInt64);
  if (!input_.defined()) input_ = torch::empty_like(on_cpu, model_.head.device());
  input_.copy_(on_cpu);
  const bool has_graph = graph_.has_value();
  cache_.longest_prefix = has_graph
                              ? limits_.longest_prompt
                              : *std::max_element(prefix_lengths.begin(), prefix_lengths.end());
}

Tensor SlotBatch::compute() {
  std::int64_t begin = 0;
  const auto next = [&](std::int64_t count) {
    begin += count;
    return input_.narrow(0, begin - count, count);
  };
  const Tensor ids = next(limits_.rows);
  const Tensor positions = next(limits_.rows);
  cache_.lengths = next(limits_.rows);
  cache_.place_of_slot = next(limits_.rows);
  cache_.slot_of_place = next(std::ssize(slots_));
  cache_.starts = next(limits_.groups);
  cache_.prefix_lengths = next(limits_.groups);
  models::Decoder decoder = model_.decoder;
  return model_.logits(decoder->forward(decoder->embed_tokens(ids), positions, {.slots = &cache_}));
}

Tensor SlotBatch::step(std::span<const NextToken> tokens) {
  grow_slots();
  write_input(tokens);
  const Tensor logits = graph_ ? graph_->run([&] { return compute(); }) : compute();
  std::vector<std::int64_t> taken;
  for (const Row& row : rows_) {
    taken.push_back(static_cast<std::int64_t>(row.slot));
    lengths_[row.slot] += 1;
  }
  return logits.index_select(0, torch::tensor(taken, torch::kInt64).to(logits.device()));
}

}  // namespace vragent::engine
