// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A batch of examples as tensors, and the model's log-probabilities of the tokens that count.
#pragma once

#include <cstdint>
#include <future>
#include <span>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"
#include "vragent/engine/native_chat.h"
#include "vragent/learning/sft_examples.h"

namespace vragent::learning {

/// Rows right-padded to the longest.
struct SftBatch {
  std::vector<std::int64_t> lengths;  ///< [B] tokens of each example, one behind the other
  torch::Tensor ids;                  ///< int64 [N], N their sum
  torch::Tensor positions;            ///< int64 [N], or [3, N] with images
  torch::Tensor patches;              ///< of all images; undefined without
  std::vector<models::Grid> grids;
  torch::Tensor predict_from;    ///< int64 [n], places in [N] whose next token counts
  torch::Tensor targets;         ///< int64 [n], those next tokens
  nn::BatchRows rows;            ///< the N tokens among those of the whole batch
  std::int64_t all_targets = 0;  ///< of the whole batch
};

struct SftBatchConfig {
  bool all_tokens = false;  ///< count, not only the answers'
  std::int64_t max_length = 4096;
};

/// The part of a batch that this process computes; its tensors are empty where it has none.
/// @throws DataError naming the example when it is longer than max_length
SftBatch make_sft_batch(std::span<const ChatExample* const> examples,
                        const engine::ChatEncoder& encoder,
                        const SftBatchConfig& config,
                        const comm::Communicator& processes = comm::alone());

/// fp32 [n], log-probability of each target; the batch must not be empty.
torch::Tensor target_log_probs(engine::LanguageModel& model,
                               const SftBatch& batch,
                               torch::Device device);

}  // namespace vragent::learning
