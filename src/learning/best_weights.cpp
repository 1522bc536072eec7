// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "learning/best_weights.h"

#include "vragent/nn/optim/adamw.h"
#include "vragent/nn/safetensors.h"

namespace vragent::learning {

BestWeights::BestWeights(const std::filesystem::path& folder)
    : path_(folder / "best.safetensors") {}

bool BestWeights::offer(double loss,
                        std::int64_t step,
                        const torch::nn::Module& module,
                        bool writes) {
  if (!(loss < loss_)) return false;
  set(loss, step);
  if (!writes) return true;
  nn::NamedTensors weights;
  for (const nn::NamedParameter& item : nn::trainable_parameters(module))
    weights[item.name] = item.tensor.detach().cpu().contiguous();
  nn::save_safetensors(path_, weights);
  return true;
}

void BestWeights::restore(const torch::nn::Module& module) const {
  const torch::NoGradGuard no_grad;
  const nn::NamedTensors weights = nn::load_safetensors(path_);
  for (const nn::NamedParameter& item : nn::trainable_parameters(module))
    item.tensor.copy_(weights.at(item.name));
}

void BestWeights::discard() const {
  std::filesystem::remove(path_);
}

}  // namespace vragent::learning
