// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/sft_batch.h"

#include <algorithm>
#include <optional>

#include "vragent/comm/sharing.h"
#include "vragent/learning/token_log_prob.h"
#include "vragent/learning/trained_model.h"
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

[[noreturn]] void refuse_length(const ChatExample& example,
                                std::int64_t length,
                                const SftBatchConfig& config) {
  throw DataError(formatted("{}: {} tokens, --max-length is {}{}",
                            example.where,
                            length,
                            config.max_length,
                            config.truncate ? ", and an example with images cannot be cut" : ""));
}

TokenExample encoded(const ChatExample& example,
                     const engine::ChatEncoder& encoder,
                     const SftBatchConfig& config) {
  TokenExample row = encode_example(example, encoder, config.all_tokens);
  check_vocabulary(row.chat.ids, config.vocabulary, example.where);
  return row;
}

/// An example that is cut at max_length where it is longer.
TokenExample fitting(const ChatExample& example,
                     const engine::ChatEncoder& encoder,
                     const SftBatchConfig& config) {
  TokenExample row = encoded(example, encoder, config);
  const std::int64_t length = std::ssize(row.chat.ids);
  if (length <= config.max_length) return row;
  if (!config.truncate || sees_images(example)) refuse_length(example, length, config);
  row.chat.ids.resize(static_cast<std::size_t>(config.max_length));
  row.in_loss.resize(static_cast<std::size_t>(config.max_length));
  return row;
}

/// Of the first `length` tokens, those that the loss counts.
std::int64_t count_targets(const TokenExample& row, std::int64_t length) {
  const auto end = row.in_loss.begin() + std::min(length, std::ssize(row.in_loss));
  return std::count(row.in_loss.begin() + 1, end, true);
}

/// int64 [n, 2]: tokens of each whole example, and its targets in front of a cut at max_length.
Tensor measured(const std::vector<ChatExample>& examples,
                const engine::ChatEncoder& encoder,
                const SftBatchConfig& config,
                const comm::Communicator& processes) {
  const comm::Share own = comm::share_of(examples.size(), processes);
  std::vector<std::int64_t> sizes;
  for (std::size_t i = own.begin; i < own.end; ++i) {
    const TokenExample row = encoded(examples[i], encoder, config);
    sizes.push_back(std::ssize(row.chat.ids));
    sizes.push_back(count_targets(row, config.max_length));
  }
  const Tensor part =
      torch::tensor(sizes, torch::kInt64).view({static_cast<std::int64_t>(own.size()), 2});
  return comm::gather_rows(processes, part, std::ssize(examples));
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

std::int64_t tokens_of(std::span<const SizedExample> examples) {
  std::int64_t tokens = 0;
  for (const SizedExample& example : examples) tokens += example.tokens;
  return tokens;
}

/// Micro-batches of at most max_tokens, or of one example.
std::vector<comm::Share> cuts_of(std::span<const SizedExample> examples, std::int64_t max_tokens) {
  std::vector<comm::Share> cuts;
  for (std::size_t begin = 0; begin < examples.size(); begin = cuts.back().end) {
    std::size_t count = 1;
    while (begin + count < examples.size() &&
           tokens_of(examples.subspan(begin, count + 1)) <= max_tokens)
      ++count;
    cuts.push_back({begin, begin + count});
  }
  return cuts;
}

/// Which of some micro-batches this process computes.
std::vector<bool> own_of(std::span<const comm::Share> cuts,
                         std::span<const SizedExample> examples,
                         const comm::Communicator& processes) {
  std::vector<double> tokens;
  for (const comm::Share& cut : cuts)
    tokens.push_back(static_cast<double>(tokens_of(examples.subspan(cut.begin, cut.size()))));
  return comm::own_of(tokens, processes);
}

}  // namespace

bool sees_images(const ChatExample& example) {
  return std::any_of(example.turns.begin(), example.turns.end(), [](const auto& turn) {
    return !turn.images.empty();
  });
}

SftStep make_sft_batches(std::span<const SizedExample> examples,
                         const engine::ChatEncoder& encoder,
                         const SftBatchConfig& config,
                         const comm::Communicator& processes) {
  std::vector<SizedExample> sized(examples.begin(), examples.end());
  std::vector<std::optional<TokenExample>> rows(examples.size());
  SftStep step;
  for (std::size_t i = 0; i < sized.size(); ++i) {
    if (sized[i].tokens == 0) {
      rows[i] = fitting(*sized[i].example, encoder, config);
      sized[i].tokens = std::ssize(rows[i]->chat.ids);
      sized[i].targets = count_targets(*rows[i], sized[i].tokens);
    }
    step.targets += static_cast<double>(sized[i].targets);
    step.tokens += static_cast<double>(sized[i].tokens);
  }
  const auto batch_of = [&](const comm::Share& places) {
    std::vector<TokenExample> own;
    for (std::size_t i = places.begin; i < places.end; ++i)
      own.push_back(rows[i] ? std::move(*rows[i]) : fitting(*sized[i].example, encoder, config));
    return packed_rows(own);
  };
  if (config.micro_tokens == 0) {
    const comm::Share own = comm::share_of(sized.size(), processes);
    if (own.size() == 0) return step;
    step.parts.push_back(batch_of(own));
    if (processes.size() > 1)
      step.parts.back().rows = {tokens_of(std::span(sized).first(own.begin)), tokens_of(sized)};
    return step;
  }
  const std::vector<comm::Share> cuts = cuts_of(sized, config.micro_tokens);
  const std::vector<bool> own = own_of(cuts, sized, processes);
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    if (!own[i]) continue;
    step.parts.push_back(batch_of(cuts[i]));
    step.parts.back().number = i;
  }
  return step;
}

FittedExamples fit_examples(std::vector<ChatExample>& examples,
                            const engine::ChatEncoder& encoder,
                            const SftBatchConfig& config,
                            const std::string& overlong,
                            const comm::Communicator& processes) {
  const Tensor sizes = measured(examples, encoder, config, processes);
  const auto* size = sizes.const_data_ptr<std::int64_t>();
  FittedExamples fitted;
  std::vector<ChatExample> kept;
  for (ChatExample& example : examples) {
    const std::int64_t length = *size++;
    const std::int64_t targets = *size++;
    const bool is_long = length > config.max_length;
    if (is_long && (overlong == "error" || (overlong == "truncate" && sees_images(example))))
      refuse_length(example, length, config);
    if (is_long && (overlong == "skip" || targets == 0)) {
      ++fitted.skipped;
      continue;
    }
    if (is_long) ++fitted.truncated;
    fitted.tokens.push_back(std::min(length, config.max_length));
    fitted.targets.push_back(targets);
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
