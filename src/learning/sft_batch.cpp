// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/sft_batch.h"

#include <algorithm>

#include "vragent/learning/token_log_prob.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::learning {
namespace {

using torch::Tensor;

/// [3, B, T]: each row's own positions where it has images, 0 .. T-1 else.
Tensor stacked_positions(const std::vector<TokenExample>& rows, std::int64_t longest) {
  Tensor positions =
      torch::arange(longest).expand({3, static_cast<std::int64_t>(rows.size()), longest}).clone();
  for (std::size_t b = 0; b < rows.size(); ++b) {
    const Tensor& own = rows[b].chat.positions;
    if (own.defined())
      positions.select(1, static_cast<std::int64_t>(b)).narrow(1, 0, own.size(1)).copy_(own);
  }
  return positions;
}

}  // namespace

SftBatch make_sft_batch(std::span<const ChatExample* const> examples,
                        const engine::ChatEncoder& encoder,
                        bool all_tokens,
                        std::int64_t max_length) {
  std::vector<TokenExample> rows;
  std::int64_t longest = 1;
  for (const ChatExample* example : examples) {
    rows.push_back(encode_example(*example, encoder, all_tokens));
    const auto length = static_cast<std::int64_t>(rows.back().chat.ids.size());
    if (length > max_length)
      throw DataError(
          formatted("{}: {} tokens, --max-length is {}", example->where, length, max_length));
    longest = std::max(longest, length);
  }
  SftBatch batch{
      .ids = torch::zeros({static_cast<std::int64_t>(rows.size()), longest}, torch::kInt64)};
  std::vector<Tensor> patches;
  std::vector<std::int64_t> from;
  std::vector<std::int64_t> targets;
  for (std::size_t b = 0; b < rows.size(); ++b) {
    const TokenExample& row = rows[b];
    const auto row_index = static_cast<std::int64_t>(b);
    batch.ids[row_index]
        .narrow(0, 0, static_cast<std::int64_t>(row.chat.ids.size()))
        .copy_(torch::tensor(row.chat.ids));
    for (std::size_t i = 1; i < row.chat.ids.size(); ++i) {
      if (!row.in_loss[i]) continue;
      from.push_back(row_index * longest + static_cast<std::int64_t>(i) - 1);
      targets.push_back(row.chat.ids[i]);
    }
    batch.grids.insert(batch.grids.end(), row.chat.grids.begin(), row.chat.grids.end());
    if (row.chat.patches.defined()) patches.push_back(row.chat.patches);
  }
  if (!patches.empty()) batch.patches = torch::cat(patches);
  batch.positions =
      patches.empty() ? torch::arange(longest).unsqueeze(0) : stacked_positions(rows, longest);
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
  const Tensor hidden =
      text.decoder(embeddings, batch.positions.to(device), models::DecoderContext{}).flatten(0, 1);
  return token_log_probs(hidden.index_select(0, batch.predict_from.to(device)),
                         text.head,
                         batch.targets.to(device))
      .log_probs;
}

}  // namespace vragent::learning
