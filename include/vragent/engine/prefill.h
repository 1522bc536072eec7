// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Prompts of one wave, computed together: keys and values of all layers, and the hidden state of
// each last token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vragent/engine/generator.h"
#include "vragent/nn/attention.h"

namespace vragent::engine {

/// Tokens for the decoder: prompts and, behind each, the answers that branch off it.
struct PackedPrompts {
  nn::Packing packing;       ///< one sequence a prompt and one an answer
  torch::Tensor embeddings;  ///< [N, D]
  torch::Tensor positions;   ///< int64 [N], or [3, N] with images
};

/// @param answers [P * G] ids whose tokens are wanted behind their prompts, grouped by prompt; or
///   empty
PackedPrompts pack_prompts(const models::TextModel& model,
                           std::span<const Prompt> prompts,
                           std::span<const std::span<const std::int64_t>> answers = {});

struct Prefilled {
  nn::Prefix prefix;          ///< [P, Hkv, Tp, d] a layer
  torch::Tensor last_hidden;  ///< [P, D]
};

/// One forward over right-padded prompts. Gradients flow through it unless the caller forbids them.
Prefilled prefill(const models::TextModel& model, std::span<const Prompt> prompts);

/// Cuts prompts into waves of at most `max_rows` samples and `max_prefill_tokens` padded tokens,
/// long prompts together: lists of prompt indices. A prompt larger than a limit gets a wave of its
/// own.
std::vector<std::vector<std::size_t>> plan_waves(std::span<const Prompt> prompts,
                                                 std::int64_t max_rows,
                                                 std::int64_t max_prefill_tokens);

}  // namespace vragent::engine
