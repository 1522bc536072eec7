// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Draws tokens where the logits are: only sums come to the CPU, and of each row the few scores
// among which the token lies.
#pragma once

#include <span>
#include <vector>

#include "vragent/engine/decoding/sampler.h"

namespace vragent::engine {

/// Whether draw_on_device() can draw so: greedy, or from all tokens as they stand.
bool draws_on_device(const chat::SamplingConfig& config);

/// As draw_tokens(), by tensor operations on the logits' device, whatever it is. Sums are rounded
/// otherwise: a draw that falls on the border of two tokens can differ.
/// @return a NaN log-probability where a row's logits are not finite
std::vector<Draw> draw_on_device(const torch::Tensor& logits,
                                 const chat::SamplingConfig& config,
                                 std::span<const DrawRow> rows);

}  // namespace vragent::engine
