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
Tensor packed_positions(std::span<const TokenExample> rows) {
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

/// An example that is cut at max_length where it is longer.
TokenExample fitting(const ChatExample& example,
                     const engine::ChatEncoder& encoder,
                     const SftBatchConfig& config) {
  TokenExample row = encode_example(example, encoder, config.all_tokens);
  const std::int64_t length = std::ssize(row.chat.ids);
  if (length <= config.max_length) return row;
  if (!config.truncate || row.chat.patches.defined())
    throw DataError(formatted("{}: {} tokens, --max-length is {}{}",
                              example.where,
                              length,
                              config.max_length,
                              config.truncate ? ", and an example with images cannot be cut" : ""));
  row.chat.ids.resize(static_cast<std::size_t>(config.max_length));
  row.in_loss.resize(static_cast<std::size_t>(config.max_length));
  return row;
}

/// Rows one behind the other.
SftBatch packed_rows(std::span<const TokenExample> rows) {
  SftBatch batch;
  std::vector<std::int64_t> ids;
  std::vector<Tensor> patches;
  std::vector<std::int64_t> from;
  std::vector<std::int64_t> targets;
  for (const TokenExample& row : rows) {
    const std::int64_t begin = std::ssize(ids);
    const std::int64_t length = std::ssize(row.chat.ids);
    batch.lengths.push_back(length);
    ids.insert(ids.end(), row.chat.ids.begin(), row.chat.ids.end());
    for (std::int64_t i = 1; i < length; ++i) {
      if (!row.in_loss[static_cast<std::size_t>(i)]) continue;
      from.push_back(begin + i - 1);
      targets.push_back(row.chat.ids[static_cast<std::size_t>(i)]);
    }
    batch.grids.insert(batch.grids.end(), row.chat.grids.begin(), row.chat.grids.end());
    if (row.chat.patches.defined()) patches.push_back(row.chat.patches);
  }
  if (!patches.empty()) batch.patches = torch::cat(patches);
  batch.ids = torch::tensor(ids, torch::kInt64);
  batch.positions = packed_positions(rows);
  batch.predict_from = torch::tensor(from, torch::kInt64);
  batch.targets = torch::tensor(targets, torch::kInt64);
  return batch;
}

std::int64_t tokens_of(std::span<const TokenExample> rows) {
  std::int64_t tokens = 0;
  for (const TokenExample& row : rows) tokens += std::ssize(row.chat.ids);
  return tokens;
}

/// This process's part of the examples as one batch, or none.
std::vector<SftBatch> own_rows(std::span<const TokenExample> rows,
                               const comm::Communicator& processes) {
  const comm::Share own = comm::share_of(rows.size(), processes);
  std::vector<SftBatch> parts;
  if (own.size() == 0) return parts;
  parts.push_back(packed_rows(rows.subspan(own.begin, own.size())));
  if (processes.size() > 1) parts.back().rows = {tokens_of(rows.first(own.begin)), tokens_of(rows)};
  return parts;
}

/// The micro-batches of all processes, those of this one made.
std::vector<SftBatch> own_micro_batches(std::span<const TokenExample> rows,
                                        std::int64_t max_tokens,
                                        const comm::Communicator& processes) {
  std::vector<std::span<const TokenExample>> cuts;
  std::vector<double> tokens;
  for (std::size_t begin = 0; begin < rows.size(); begin += cuts.back().size()) {
    std::size_t count = 1;
    while (begin + count < rows.size() && tokens_of(rows.subspan(begin, count + 1)) <= max_tokens)
      ++count;
    cuts.push_back(rows.subspan(begin, count));
    tokens.push_back(static_cast<double>(tokens_of(cuts.back())));
  }
  const std::vector<bool> own = comm::own_of(tokens, processes);
  std::vector<SftBatch> parts;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    if (!own[i]) continue;
    parts.push_back(packed_rows(cuts[i]));
    parts.back().number = i;
  }
  return parts;
}

}  // namespace

SftBatch make_sft_batch(std::span<const ChatExample* const> examples,
                        const engine::ChatEncoder& encoder,
                        const SftBatchConfig& config) {
  SftBatchConfig whole = config;
  whole.micro_tokens = 0;
  return std::move(make_sft_batches(examples, encoder, whole).parts.front());
}

SftStep make_sft_batches(std::span<const ChatExample* const> examples,
                         const engine::ChatEncoder& encoder,
                         const SftBatchConfig& config,
                         const comm::Communicator& processes) {
  std::vector<TokenExample> rows;
  SftStep step;
  for (const ChatExample* example : examples) {
    const TokenExample& row = rows.emplace_back(fitting(*example, encoder, config));
    step.targets +=
        static_cast<double>(std::count(row.in_loss.begin() + 1, row.in_loss.end(), true));
  }
  step.parts = config.micro_tokens > 0 ? own_micro_batches(rows, config.micro_tokens, processes)
                                       : own_rows(rows, processes);
  return step;
}

FittedExamples fit_examples(std::vector<ChatExample>& examples,
                            const engine::ChatEncoder& encoder,
                            const SftBatchConfig& config,
                            const std::string& overlong) {
  FittedExamples fitted;
  std::vector<ChatExample> kept;
  for (ChatExample& example : examples) {
    const TokenExample whole = encode_example(example, encoder, config.all_tokens);
    std::int64_t length = std::ssize(whole.chat.ids);
    if (length > config.max_length && overlong == "skip") {
      ++fitted.skipped;
      continue;
    }
    if (length > config.max_length) {
      const std::vector<bool> in_loss = fitting(example, encoder, config).in_loss;
      if (std::find(in_loss.begin(), in_loss.end(), true) == in_loss.end()) {
        ++fitted.skipped;
        continue;
      }
      ++fitted.truncated;
      length = config.max_length;
    }
    fitted.tokens.push_back(length);
    kept.push_back(std::move(example));
  }
  examples = std::move(kept);
  return fitted;
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
