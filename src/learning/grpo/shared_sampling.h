// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Answers to a step's prompts, sampled by many processes that each hold the policy: every process
// samples for a part of the prompts and gets the answers of all.
#pragma once

#include <span>
#include <vector>

#include "vragent/comm/communicator.h"
#include "vragent/engine/generator.h"

namespace vragent::learning {

/// engine::generate() of all prompts, one group behind the other; the same in all processes, and
/// whatever their number (fp32: but for a draw that rounding decides).
/// @throws Interrupted in all processes when one of them was stopped
std::vector<engine::Sample> sample_together(const models::TextModel& policy,
                                            std::span<const engine::Prompt> prompts,
                                            const engine::GeneratorConfig& config,
                                            const comm::Communicator& processes);

}  // namespace vragent::learning
