// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which part of a batch a tensor is, where processes share one: dropout must know.
#pragma once

#include <cstdint>

namespace vragent::nn {

/// The rows of a larger batch that a tensor holds; `all` 0: the tensor is the batch.
struct BatchRows {
  std::int64_t first = 0;
  std::int64_t all = 0;
};

}  // namespace vragent::nn
