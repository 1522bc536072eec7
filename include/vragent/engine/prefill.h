// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Prompts laid end to end for the decoder, with or without answers that branch off them, and what
// decoding starts from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vragent/engine/generator.h"
#include "vragent/ops/attention.h"

namespace vragent::engine {

/// Tokens for the decoder: prompts and, behind each, the answers that branch off it.
struct PackedPrompts {
  ops::Packing packing;      ///< one sequence a prompt and one an answer
  torch::Tensor embeddings;  ///< [N, D]
  torch::Tensor positions;   ///< int64 [N], or [3, N] with images
};

/// @param answers [P * G] ids whose tokens are wanted behind their prompts, grouped by prompt; or
///   empty
PackedPrompts pack_prompts(const models::TextModel& model,
                           std::span<const Prompt> prompts,
                           std::span<const std::span<const std::int64_t>> answers = {});

struct Prefilled {
  std::vector<std::vector<ops::LayerKv>> prefixes;  ///< [P] prompts of one [Tp, Hkv, d] a layer
  torch::Tensor last_hidden;                        ///< [P, D]
};

/// Keys and values of prompts, and the hidden state of each one's last token; without gradient.
/// @param chunk a prompt that is longer and alone is computed in stretches of this many tokens, so
///   that what a layer needs beside keys and values stays small
Prefilled prefill(const models::TextModel& model,
                  std::span<const Prompt> prompts,
                  std::int64_t chunk = 16384);

}  // namespace vragent::engine
