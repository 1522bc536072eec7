// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/best_weights.h"

#include <torch/nn/module.h>

#include "vragent/nn/safetensors.h"

namespace vragent::learning {

BestWeights::BestWeights(const std::filesystem::path& folder)
    : path_(folder / "best.safetensors") {}

bool BestWeights::offer(double loss, const torch::nn::Module& module) {
  if (!(loss < loss_)) return false;
  nn::NamedTensors weights;
  for (const auto& item : module.named_parameters()) {
    if (item.value().requires_grad())
      weights[item.key()] = item.value().detach().cpu().contiguous();
  }
  nn::save_safetensors(path_, weights);
  loss_ = loss;
  return true;
}

void BestWeights::restore(torch::nn::Module& module) const {
  const torch::NoGradGuard no_grad;
  const nn::NamedTensors weights = nn::load_safetensors(path_);
  for (auto& item : module.named_parameters()) {
    if (item.value().requires_grad()) item.value().copy_(weights.at(item.key()));
  }
  std::filesystem::remove(path_);
}

}  // namespace vragent::learning
