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

}  // namespace

std::vector<TrainingRow> training_rows(const data::Sequences& sequences) {
  std::vector<TrainingRow> rows;
  for (std::int64_t user = 0; user < sequences.num_users(); ++user) {
    const auto train = sequences.train(user);
    if (train.size() >= 2) rows.push_back({.items = {train.begin(), train.end()}});
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
          .negatives = moved(negatives)};
}

SequenceBatch SequenceBatch::rows(std::int64_t begin, std::int64_t count) const {
  SequenceBatch part = *this;
  for (Tensor* tensor : {&part.inputs, &part.targets, &part.own, &part.negatives}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, begin, count);
  }
  return part;
}

std::int64_t SequenceBatch::num_targets() const {
  return (targets > 0).sum().item<std::int64_t>();
}

SequenceBatch make_batch(std::span<const TrainingRow* const> rows,
                         std::int64_t max_len,
                         const std::vector<double>& popularity) {
  std::vector<std::int64_t> unique = {0};
  std::vector<double> counts = {1};
  std::unordered_map<std::int32_t, std::int64_t> place_of;
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
      const auto [found, is_new] = place_of.try_emplace(row.items[static_cast<std::size_t>(i)],
                                                        static_cast<std::int64_t>(unique.size()));
      if (is_new) {
        unique.push_back(found->first);
        counts.push_back(0);
      }
      counts[static_cast<std::size_t>(found->second)] += 1;
      own_at[b][offset + i] = found->second;
      if (i >= row.first_target) target_at[b][offset + i - 1] = found->second;
    }
  }
  std::vector<double> log_pop;
  for (const std::int64_t item : unique)
    log_pop.push_back(item == 0 ? 0.0 : std::log(popularity[static_cast<std::size_t>(item)]));
  const auto to_float = [](const Tensor& x) { return x.to(torch::kFloat32); };
  return {.unique = torch::tensor(unique),
          .inputs = own.narrow(1, 0, max_len).contiguous(),
          .targets = targets,
          .own = own,
          .log_count = to_float(torch::tensor(counts, torch::kFloat64).log()),
          .log_pop = to_float(torch::tensor(log_pop, torch::kFloat64))};
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
  masked = masked.index_fill(1, torch::zeros({1}, targets.options()), kMasked)
               .scatter(1, targets, target_logit);
  return (masked.logsumexp(1) - target_logit.squeeze(1)).mean();
}

}  // namespace vragent::recommender
