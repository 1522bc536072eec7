// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A batch of examples as tensors, and the model's log-probabilities of the tokens that count.
#pragma once

#include <cstdint>
#include <future>
#include <span>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"
#include "vragent/engine/native_chat.h"
#include "vragent/learning/sft_examples.h"
#include "vragent/nn/dropout.h"

namespace vragent::learning {

/// Examples packed one behind the other.
struct SftBatch {
  std::vector<std::int64_t> lengths;  ///< [B] tokens of each example, one behind the other
  torch::Tensor ids;                  ///< int64 [N], N their sum
  torch::Tensor positions;            ///< int64 [N], or [3, N] with images
  torch::Tensor patches;              ///< of all images; undefined without
  std::vector<models::Grid> grids;
  torch::Tensor predict_from;  ///< int64 [n], places in [N] whose next token counts
  torch::Tensor targets;       ///< int64 [n], those next tokens
  std::uint64_t number = 0;    ///< of the micro-batch in its batch
  nn::BatchRows rows;          ///< the N tokens among those of the micro-batch, where it is shared
};

struct SftBatchConfig {
  bool all_tokens = false;  ///< count, not only the answers'
  std::int64_t max_length = 4096;
  bool truncate = false;          ///< a longer example loses its end; else it is an error
  std::int64_t micro_tokens = 0;  ///< of one micro-batch; 0: a batch is not cut
  std::int64_t vocabulary = 0;    ///< of the model: no token id is larger; 0: not checked
};

/// An example with its size once it is cut, where that is known.
struct SizedExample {
  const ChatExample* example = nullptr;
  std::int64_t tokens = 0;   ///< 0: not known
  std::int64_t targets = 0;  ///< of them, those that count
};

/// Whether there are images among an example's turns.
bool sees_images(const ChatExample& example);

/// What this process computes of a step.
struct SftStep {
  std::vector<SftBatch> parts;  ///< its micro-batches; none where others have all
  double targets = 0;           ///< of all processes
  double tokens = 0;            ///< of all processes, those of questions too
};

/// The examples cut, in order, into micro-batches of at most micro_tokens tokens each; an example
/// that is longer stands alone. Many processes take whole ones, so that all are busy about equally
/// long; without micro_tokens they take a part of the examples each. Together they have the targets
/// of the batch. Examples of known size are encoded by the process that takes them alone.
/// @throws DataError naming the example when it is longer than max_length, or would lose its end
/// and has images, or has a token that is not of the vocabulary
SftStep make_sft_batches(std::span<const SizedExample> examples,
                         const engine::ChatEncoder& encoder,
                         const SftBatchConfig& config,
                         const comm::Communicator& processes = comm::alone());

/// What became of examples that are longer than allowed, and the sizes of those that stay.
struct FittedExamples {
  std::vector<std::int64_t> tokens;   ///< of each example that stays; cut ones have max_length
  std::vector<std::int64_t> targets;  ///< of them, those that count
  std::int64_t skipped = 0;
  std::int64_t truncated = 0;
};

/// Measures the examples and takes out those that are too long: overlong "error" (DataError),
/// "skip" or "truncate"; of the last those with nothing to learn before the cut are skipped. Many
/// processes measure a share each, and all get the whole result.
FittedExamples fit_examples(std::vector<ChatExample>& examples,
                            const engine::ChatEncoder& encoder,
                            const SftBatchConfig& config,
                            const std::string& overlong,
                            const comm::Communicator& processes = comm::alone());

/// fp32 [n], log-probability of each target; the batch must not be empty.
torch::Tensor target_log_probs(engine::LanguageModel& model,
                               const SftBatch& batch,
                               torch::Device device);

}  // namespace vragent::learning
