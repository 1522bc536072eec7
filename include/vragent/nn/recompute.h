// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Layers whose activations are not kept for the backward pass but computed again in it (Chen et al.
// 2016, "Training deep nets with sublinear memory cost").
#pragma once

#include <functional>

#include <torch/nn/module.h>
#include <torch/types.h>

namespace vragent::nn {

using LayerFunction = std::function<torch::Tensor(const torch::Tensor&)>;

/// layer(x), of which x alone is kept: the backward pass calls the layer once more. Value and
/// gradients have the bits of layer(x). What adapters drop is drawn again from the same places of
/// their streams, however they are switched by then.
/// @param module whose parameters the layer learns and whose adapters it uses
/// @param layer depends on x and the module alone, draws no other random numbers, and owns or
/// outlives what it refers to; called without gradient, it is not called again
torch::Tensor recomputed(const torch::Tensor& x,
                         const torch::nn::Module& module,
                         LayerFunction layer);

}  // namespace vragent::nn
