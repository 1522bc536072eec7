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

struct Draws {
  torch::Tensor ids;        ///< int64 [B] on the CPU
  torch::Tensor log_probs;  ///< fp32 [B] on the CPU: log softmax(logits / temperature) of the
                            ///< token, before any filter
};

/// Draws one token a row in transformers' order: repetition penalty, temperature, top-k, top-p,
/// min-p.
/// @param logits [B, V] of any float type
/// @param seen bool [B, V], tokens of prompt and answer so far; needed only with a repetition
/// penalty
/// @throws Error (70) naming the step and the row when a row has non-finite logits
Draws draw_tokens(const torch::Tensor& logits,
                  const chat::SamplingConfig& config,
                  std::span<const DrawKey> keys,
                  const torch::Tensor& seen = {});

/// Uniform in [0, 1) for a key.
double uniform_of(const DrawKey& key);

/// scores [B, V] with everything outside the k best (ties at the border stay) at -inf.
torch::Tensor keep_top_k(const torch::Tensor& scores, std::int64_t k);

/// scores with the tail beyond probability p at -inf; at least one token stays.
torch::Tensor keep_top_p(const torch::Tensor& scores, double p);

/// scores with tokens less likely than min_p times the best at -inf.
torch::Tensor keep_min_p(const torch::Tensor& scores, double min_p);

}  // namespace vragent::engine
