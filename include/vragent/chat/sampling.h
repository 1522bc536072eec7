// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// How the next token is drawn, with the names and the order of transformers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vragent::chat {

/// Order of application: repetition penalty, temperature, top-k, top-p, min-p. The defaults draw
/// from the model's own distribution, as GRPO rollouts need it.
struct SamplingConfig {
  double temperature = 1.0;         ///< 0 = greedy
  std::int64_t top_k = 0;           ///< 0 = all tokens
  double top_p = 1.0;               ///< 1 = all tokens
  double min_p = 0.0;               ///< 0 = off; share of the best token's probability
  double repetition_penalty = 1.0;  ///< 1 = off; applies to prompt and answer tokens
  std::int64_t max_tokens = 256;    ///< of the answer

  void visit(auto& v) {
    v("temperature", temperature, "sampling temperature; 0 is greedy");
    v("top-k", top_k, "sample among the k most likely tokens; 0 is all");
    v("top-p", top_p, "sample among the most likely tokens that hold this probability; 1 is all");
    v("min-p", min_p, "drop tokens less likely than this share of the best one; 0 is off");
    v("repetition-penalty",
      repetition_penalty,
      "divide the scores of tokens seen before; 1 is off");
    v("max-tokens", max_tokens, "longest answer in tokens");
  }

  void check() const;
};

}  // namespace vragent::chat
