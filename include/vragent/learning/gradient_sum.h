// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Gradients of several backward passes added up in fp32. Autograd adds into .grad in the type of
// the parameter; in bf16 a small micro-batch then vanishes beside the sum of those before it.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "vragent/comm/communicator.h"
#include "vragent/nn/optim/adamw.h"

namespace vragent::learning {

class GradientSum {
 public:
  /// @param parameters fp32 ones are left to autograd, which adds them up in fp32 already
  /// @param zero of nn::ShardedAdamW: many processes under 2 sum up there, in fp32 too, in every
  /// backward; then nothing is done here
  explicit GradientSum(const std::vector<nn::NamedParameter>& parameters,
                       const comm::Communicator& processes = comm::alone(),
                       std::int64_t zero = 1);

  /// After each backward pass: takes the gradients into the sums and drops them.
  void add();

  /// After the last one: the sums, in fp32, become the parameters' gradients. Drop those before the
  /// next backward pass (nn::AdamW::zero_grad).
  void finish();

 private:
  std::vector<torch::Tensor> parameters_;  ///< those that are not fp32
  std::vector<torch::Tensor> sums_;        ///< fp32; undefined where no gradient came yet
};

}  // namespace vragent::learning
