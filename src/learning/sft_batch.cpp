// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/sft_batch.h"

#include <algorithm>

#include "vragent/comm/sharing.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// [N], counted from 0 in each example; [3, N] when one of them has images.
Tensor packed_positions(const std::vector<TokenExample>& rows) {
  const bool axes = std::any_of(rows.begin(), rows.end(), [](const TokenExample& row) {
    return row.chat.positions.defined();
  });
  std::vector<Tensor> positions;
  for (const TokenExample& row : rows) {
    const Tensor plain = torch::arange(std::ssize(row.chat.ids));
    if (!axes) {
      positions.push_back(plain);
    } else {
      positions.push_back(row.chat.positions.defined() ? row.chat.positions
                                                       : plain.expand({3, plain.size(0)}));
    }
  }
  return torch::cat(positions, -1);
}

}  // namespace

SftBatch make_sft_batch(std::span<const ChatExample* const> examples,
                        const engine::ChatEncoder& encoder,
                        const SftBatchConfig& config,
                        const comm::Communicator& processes) {
  const comm::Share own = comm::share_of(examples.size(), processes);
  std::vector<TokenExample> rows;
  SftBatch batch;
  std::vector<std::int64_t> ids;
  std::vector<Tensor> patches;
  std::vector<std::int64_t> from;
  std::vector<std::int64_t> targets;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    TokenExample encoded = encode_example(*examples[i], encoder, config.all_tokens);
    const std::int64_t begin = std::ssize(ids);
    const std::int64_t length = std::ssize(encoded.chat.ids);
    if (length > config.max_length) {
      throw DataError(formatted(
          "{}: {} tokens, --max-length is {}", examples[i]->where, length, config.max_length));
    }
    if (i == own.begin) batch.rows.first = batch.rows.all;
    batch.rows.all += length;
    for (std::int64_t t = 1; t < length; ++t)
      batch.all_targets += encoded.in_loss[static_cast<std::size_t>(t)] ? 1 : 0;
    if (i < own.begin || i >= own.end) continue;
    const TokenExample& row = rows.emplace_back(std::move(encoded));
    batch.lengths.push_back(length);
    ids.insert(ids.end(), row.chat.ids.begin(), row.chat.ids.end());
    for (std::int64_t t = 1; t < length; ++t) {
      if (!row.in_loss[static_cast<std::size_t>(t)]) continue;
      from.push_back(begin + t - 1);
      targets.push_back(row.chat.ids[static_cast<std::size_t>(t)]);
    }
    batch.grids.insert(batch.grids.end(), row.chat.grids.begin(), row.chat.grids.end());
    if (row.chat.patches.defined()) patches.push_back(row.chat.patches);
  }
  if (!patches.empty()) batch.patches = torch::cat(patches);
  batch.ids = torch::tensor(ids, torch::kInt64);
  if (!rows.empty()) batch.positions = packed_positions(rows);
  batch.predict_from = torch::tensor(from, torch::kInt64);
  batch.targets = torch::tensor(targets, torch::kInt64);
  return batch;
}

Tensor target_log_probs(engine::LanguageModel& model, const SftBatch& batch, torch::Device device) {
  models::TextModel text = model.text();
  const Tensor ids = batch.ids.to(device);
  Tensor embeddings;
  if (batch.patches.defined()) {
    embeddings =
        model.vision->embed(ids, model.vision->visual(batch.patches.to(device), batch.grids));
  } else {
    embeddings = text.decoder->embed_tokens(ids);
  }
  const ops::Packing packing = ops::pack(batch.lengths, device);
  const Tensor hidden =
      text.decoder->forward(embeddings, batch.positions.to(device), {.packing = &packing});
  return token_log_probs(hidden.index_select(0, batch.predict_from.to(device)),
                         text.head,
                         batch.targets.to(device))
      .log_probs;
}

}  // namespace vragent::learning
