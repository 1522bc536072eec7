// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/autocast.h"

#include <ATen/autocast_mode.h>

namespace vragent::nn {

ComputeGuard::ComputeGuard(torch::Dtype dtype, torch::Device device)
    : device_(device.type()), is_mixed_(dtype != torch::kFloat32) {
  if (!is_mixed_) return;
  was_enabled_ = at::autocast::is_autocast_enabled(device_);
  was_dtype_ = at::autocast::get_autocast_dtype(device_);
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, dtype);
  at::autocast::increment_nesting();
}

ComputeGuard::~ComputeGuard() {
  if (!is_mixed_) return;
  // Weights that were cast in here change with the next step: the outermost guard forgets them.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_enabled_);
  at::autocast::set_autocast_dtype(device_, was_dtype_);
}

}  // namespace vragent::nn
