// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/learning/gradient_sum.h"

#include <utility>

namespace vragent::learning {

GradientSum::GradientSum(const std::vector<nn::NamedParameter>& parameters,
                         const comm::Communicator& processes,
                         std::int64_t zero) {
  if (processes.size() > 1 && zero == 2) return;
  for (const nn::NamedParameter& item : parameters) {
    if (item.tensor.scalar_type() != torch::kFloat32) parameters_.push_back(item.tensor);
  }
  sums_.resize(parameters_.size());
}

void GradientSum::add() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor& gradient = parameters_[i].mutable_grad();
    if (!gradient.defined()) continue;
    if (sums_[i].defined()) {
      sums_[i].add_(gradient);
    } else {
      sums_[i] = gradient.to(torch::kFloat32);
    }
    gradient = torch::Tensor();
  }
}

void GradientSum::finish() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (sums_[i].defined()) parameters_[i].mutable_grad() = std::exchange(sums_[i], {});
  }
}

}  // namespace vragent::learning
