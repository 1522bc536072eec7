// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The longest forward and backward pass of a run, made before its first step: a run that is too big
// for the memory fails at once and not when its longest example turns up.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <torch/types.h>

#include "vragent/learning/gradient_sum.h"
#include "vragent/nn/optim/sharded_adamw.h"

namespace vragent::learning {

inline constexpr const char* kRehearseHelp =
    "compute the longest micro-batch before step 1, so that a lack of memory shows at once: on, "
    "off, "
    "or auto (on a GPU)";

inline constexpr const char* kGradientCheckpointingHelp =
    "keep only the input of each layer for the backward pass, which computes the layer again: the "
    "same result in less memory and more time";

/// Whether --rehearse (auto, on, off) asks for it on this device.
bool rehearses(const std::string& setting, torch::Device device);

/// Runs `work`, which changes nothing that training depends on, and logs its time.
/// @param tokens of the micro-batch. @throws Error (69) when the memory does not suffice, saying
/// what to change
void rehearse(std::int64_t tokens, const std::function<void()>& work);

/// What a rehearsal of backward needs of the training.
struct BackwardRehearsal {
  std::int64_t tokens = 0;     ///< of the micro-batch
  bool several_parts = false;  ///< an update has more micro-batches, whose gradients are added up
};

/// The same for a loss and its gradients, which are dropped again; many processes do it together.
/// Where an update has several parts it is done twice: the second time beside the gradients of the
/// first, as a later part of an update stands beside the sum of those before it.
void rehearse_backward(const BackwardRehearsal& rehearsal,
                       nn::ShardedAdamW& optimizer,
                       GradientSum& gradients,
                       const std::function<torch::Tensor()>& loss);

/// Places of the `count` largest of some lengths, or of all if they are fewer; equal ones in order.
std::vector<std::size_t> longest_of(std::span<const std::int64_t> tokens, std::int64_t count);

}  // namespace vragent::learning
