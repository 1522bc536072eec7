// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Generates text for many prompts at once. Each prompt is computed once for all its samples; rows
// that have finished leave the batch at once, and waiting prompts take their places.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "vragent/chat/sampling.h"
#include "vragent/models/causal_lm.h"

namespace vragent::engine {

/// One prompt and how many answers to it are wanted.
struct Prompt {
  std::vector<std::int64_t> ids;  ///< image tokens expanded
  torch::Tensor
      embeddings;  ///< [T, D] where images stand in the text; undefined: looked up from ids
  torch::Tensor positions;          ///< int64 [3, T] with images; undefined: 0 .. T-1
  std::int64_t position_delta = 0;  ///< added to the count of later tokens (mRoPE)
  std::uint64_t seed = 0;           ///< key of its random stream
  std::int64_t num_samples = 1;
};

/// A token that was just drawn.
struct NewToken {
  std::size_t prompt = 0;  ///< index among the prompts
  std::int64_t sample = 0;
  std::int64_t id = 0;
  bool is_last = false;  ///< a stop token, or the answer is full
};

struct GeneratorConfig {
  chat::SamplingConfig sampling;
  std::vector<std::int64_t> stop_ids;       ///< any of these ends an answer
  std::int64_t max_rows = 128;              ///< rows decoded together
  std::int64_t max_prefill_tokens = 16384;  ///< prompt tokens computed together; a longer prompt
                                            ///< is computed in stretches of this length
  std::function<bool(const NewToken&)> on_token;  ///< told of each token; true ends the answer with
                                                  ///< the reason "stop", an exception all of them
};

/// One answer.
struct Sample {
  std::vector<std::int64_t> ids;  ///< with the stop token, if one was drawn
  std::vector<float> log_probs;   ///< of each id, under softmax(logits / temperature)
  std::string finish_reason;      ///< "stop" or "length"
};

/// Answers of each prompt, in order. An answer does not depend on the other prompts (fp32: to
/// rounding); max_rows is exceeded by a prompt alone that wants more samples.
/// @throws Error (70) naming step, prompt and sample on non-finite logits; Interrupted when prompts
/// still wait after a signal (an answer under way is finished: to stop there, on_token throws)
std::vector<std::vector<Sample>> generate(const models::TextModel& model,
                                          std::span<const Prompt> prompts,
                                          const GeneratorConfig& config);

/// next_token_log_probs() holds the logits of so many prompts at once, [rows, V] in fp32.
inline constexpr std::int64_t kLogitRows = 64;

/// Log-probabilities of some of the tokens that may follow each prompt.
/// @param ids one list a prompt
/// @return fp32 on the CPU, one [ids of the prompt] a prompt
/// @throws Error (70) naming the prompt when those of its next token are not all finite
std::vector<torch::Tensor> next_token_log_probs(const models::TextModel& model,
                                                std::span<const Prompt> prompts,
                                                std::span<const std::vector<std::int64_t>> ids,
                                                std::int64_t max_prefill_tokens = 16384);

}  // namespace vragent::engine
