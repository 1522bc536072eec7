// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Log-probabilities of given tokens without a float32 [tokens, V] matrix: logits are made for a
// chunk of tokens at a time; some are kept for the backward pass, the others are made again there.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace vragent::learning {

/// One value a token.
struct TokenLogProbs {
  torch::Tensor log_probs;  ///< fp32 [n], log softmax(hidden head^T / temperature) of the target
  torch::Tensor entropy;    ///< fp32 [n] of the same distribution
};

struct TokenLogProbOptions {
  double temperature = 1.0;
  bool entropy_gradient = false;  ///< else the entropy carries no gradient
  std::int64_t chunk = 1024;      ///< tokens whose logits exist at one time
};

/// @param hidden [n, D]; head [V, D]; targets int64 [n]
/// A result has one backward: it may write over the logits that were kept for it.
TokenLogProbs token_log_probs(const torch::Tensor& hidden,
                              const torch::Tensor& head,
                              const torch::Tensor& targets,
                              const TokenLogProbOptions& options = {});

}  // namespace vragent::learning
