// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The longest forward and backward pass of a run, made before its first step: a run that is too big
// for the memory fails at once and not when its longest example turns up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <torch/types.h>

namespace vragent::learning {

inline constexpr const char* kRehearseHelp =
    "compute the longest micro-batch before step 1, so that a lack of memory shows at once: on, "
    "off, "
    "or auto (on a GPU)";

/// Whether --rehearse (auto, on, off) asks for it on this device.
bool rehearses(const std::string& setting, torch::Device device);

/// Runs `work`, which changes nothing that training depends on, and logs its time.
/// @param tokens of the micro-batch. @throws Error (69) when the memory does not suffice, saying
/// what to change
void rehearse(std::int64_t tokens, const std::function<void()>& work);

}  // namespace vragent::learning
