// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Draws the next token of each row. A row's draw depends only on its logits and its own key, never
// on its batch mates: the uniform number behind it is a hash of (seed, sample, step).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <torch/types.h>

#include "vragent/chat/sampling.h"

namespace vragent::engine {

/// Which random number a row uses at a step.
struct DrawKey {
  std::uint64_t seed = 0;    ///< of the prompt
  std::uint64_t sample = 0;  ///< index among the prompt's samples
  std::uint64_t step = 0;    ///< tokens drawn before
};

/// What a row brings to a draw. The tokens are read only with a repetition penalty.
struct DrawRow {
  DrawKey key;
  std::span<const std::int64_t> prompt;
  std::span<const std::int64_t> answer;  ///< so far
  std::size_t prompt_index = 0;          ///< among the prompts, for messages
};

struct Draw {
  std::int64_t id = 0;
  float log_prob = 0;  ///< log softmax(logits / temperature) of the token, before any filter
};

/// Draws one token a row in transformers' order: repetition penalty, temperature, top-k, top-p,
/// min-p.
/// @param logits [R, V] of any float type on any device. On the CPU a row's token does not depend
/// on
///   the others, to the last bit; elsewhere sums stay where the logits are, but with filters or
///   penalties all logits come to the CPU
/// @throws Error (70) naming step, prompt and sample when a row has non-finite logits
std::vector<Draw> draw_tokens(const torch::Tensor& logits,
                              const chat::SamplingConfig& config,
                              std::span<const DrawRow> rows);

/// Uniform in [0, 1) for a key.
double uniform_of(const DrawKey& key);

}  // namespace vragent::engine
