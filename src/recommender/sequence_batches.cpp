// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/recommender/sequence_batches.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace vragent::recommender {
namespace {

using torch::Tensor;

constexpr double kMasked = -1e4;  // as the release masks; its exponential is zero in fp32

/// Items by first use; place 0 is padding.
struct UniqueItems {
  /// Its place; a new item counts as 0.
  std::int64_t place_of(std::int32_t item) {
    const auto [found, is_new] = places.try_emplace(item, static_cast<std::int64_t>(items.size()));
    if (is_new) {
      items.push_back(item);
      counts.push_back(0);
    }
    return found->second;
  }

  std::vector<std::int64_t> items = {0};
  std::vector<double> counts = {1};  ///< occurrences in the rows
  std::unordered_map<std::int32_t, std::int64_t> places;
};

/// Places [B, K] of the rows' own negatives, undefined where there are none. What a row has watched
/// is none of its negatives.
Tensor hard_negatives(std::span<const TrainingRow* const> rows, UniqueItems& unique) {
  std::size_t most = 0;
  for (const TrainingRow* row : rows) most = std::max(most, row->negatives.size());
  if (most == 0) return {};
  Tensor hard = torch::zeros({std::ssize(rows), static_cast<std::int64_t>(most)}, torch::kInt64);
  auto at = hard.accessor<std::int64_t, 2>();
  for (std::int64_t b = 0; b < std::ssize(rows); ++b) {
    const TrainingRow& row = *rows[static_cast<std::size_t>(b)];
    std::int64_t k = 0;
    for (const std::int32_t item : row.negatives) {
      const bool is_own = std::find(row.items.begin(), row.items.end(), item) != row.items.end();
      if (!is_own) at[b][k++] = unique.place_of(item);
    }
  }
  return hard;
}

}  // namespace

std::vector<TrainingRow> training_rows(const data::Sequences& sequences) {
  std::vector<TrainingRow> rows;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const auto train = sequences.train(user);
    if (train.size() >= 2) rows.push_back({.items = {train.begin(), train.end()}, .user = user});
  }
  return rows;
}

SequenceBatch SequenceBatch::to(torch::Device device) const {
  const auto moved = [&](const Tensor& x) { return x.defined() ? x.to(device) : x; };
  return {.unique = unique.to(device),
          .inputs = inputs.to(device),
          .targets = targets.to(device),
          .own = own.to(device),
          .log_count = moved(log_count),
          .log_pop = moved(log_pop),
          .hard = moved(hard),
          .negatives = moved(negatives)};
}

SequenceBatch SequenceBatch::rows(std::int64_t begin, std::int64_t count) const {
  SequenceBatch part = *this;
  for (Tensor* tensor : {&part.inputs, &part.targets, &part.own, &part.hard, &part.negatives}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, begin, count);
  }
  return part;
}

SequenceBatch make_batch(std::span<const TrainingRow* const> rows,
                         std::int64_t max_len,
                         const std::vector<double>& popularity) {
  UniqueItems unique;
  const auto batch = static_cast<std::int64_t>(rows.size());
  Tensor own = torch::zeros({batch, max_len + 1}, torch::kInt64);
  Tensor targets = torch::zeros({batch, max_len}, torch::kInt64);
  auto own_at = own.accessor<std::int64_t, 2>();
  auto target_at = targets.accessor<std::int64_t, 2>();
  for (std::int64_t b = 0; b < batch; ++b) {
    const TrainingRow& row = *rows[static_cast<std::size_t>(b)];
    const auto length = static_cast<std::int64_t>(row.items.size());
    const std::int64_t offset = max_len + 1 - length;  // left padding
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t place = unique.place_of(row.items[static_cast<std::size_t>(i)]);
      if (i >= row.first_counted()) unique.counts[static_cast<std::size_t>(place)] += 1;
      own_at[b][offset + i] = place;
      if (i >= row.first_target) target_at[b][offset + i - 1] = place;
    }
  }
  const Tensor hard = hard_negatives(rows, unique);
  std::vector<double> log_pop;
  for (const std::int64_t item : unique.items)
    log_pop.push_back(item == 0 ? 0.0 : std::log(popularity[static_cast<std::size_t>(item)]));
  const auto to_float = [](const Tensor& x) { return x.to(torch::kFloat32); };
  return {.unique = torch::tensor(unique.items),
          .inputs = own.narrow(1, 0, max_len).contiguous(),
          .targets = targets,
          .own = own,
          .log_count = to_float(torch::tensor(unique.counts, torch::kFloat64).log()),
          .log_pop = to_float(torch::tensor(log_pop, torch::kFloat64)),
          .hard = hard};
}

Tensor padded_inputs(const data::Sequences& sequences,
                     const std::vector<std::int64_t>& users,
                     data::Split split) {
  const std::int64_t length = sequences.protocol.max_len;
  Tensor inputs = torch::zeros({static_cast<std::int64_t>(users.size()), length}, torch::kInt64);
  auto at = inputs.accessor<std::int64_t, 2>();
  for (std::size_t row = 0; row < users.size(); ++row) {
    const auto history = sequences.input(users[row], split);
    const std::int64_t offset = length - static_cast<std::int64_t>(history.size());
    for (std::size_t i = 0; i < history.size(); ++i)
      at[static_cast<std::int64_t>(row)][offset + static_cast<std::int64_t>(i)] = history[i];
  }
  return inputs;
}

Tensor debiased_softmax_loss(const Tensor& states,
                             const Tensor& vectors,
                             const SequenceBatch& batch) {
  const Tensor where = batch.targets.flatten().nonzero().squeeze(1);
  return debiased_softmax_of_scores(states.flatten(0, 1).index_select(0, where).matmul(vectors.t()),
                                    batch);
}

Tensor debiased_softmax_of_scores(const Tensor& scores, const SequenceBatch& batch) {
  const Tensor where = batch.targets.flatten().nonzero().squeeze(1);
  const Tensor targets = batch.targets.flatten().index_select(0, where).unsqueeze(1);
  const Tensor rows = where.div(batch.targets.size(1), "floor");
  const Tensor logits = scores - batch.log_pop;
  const Tensor target_logit = logits.gather(1, targets);
  Tensor masked = logits + batch.log_count;
  masked = masked.scatter(1, batch.own.index_select(0, rows), kMasked);
  if (batch.hard.defined()) {
    // An item without a column of its own has the count 0: those who dislike it alone see it.
    const Tensor hard = batch.hard.index_select(0, rows);
    const Tensor once = batch.log_count.clamp_min(0).index_select(0, hard.flatten());
    masked = masked.scatter(1, hard, logits.gather(1, hard) + once.view_as(hard));
  }
  masked = masked.index_fill(1, torch::zeros({1}, targets.options()), kMasked)
               .scatter(1, targets, target_logit);
  return (masked.logsumexp(1) - target_logit.squeeze(1)).mean();
}

}  // namespace vragent::recommender
