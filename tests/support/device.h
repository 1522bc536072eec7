// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The device that device tests compute on: $VRAGENT_TEST_DEVICE, the CPU unless it is set.
#pragma once

#include <cstdlib>

#include <torch/types.h>

#include "vragent/nn/device.h"

namespace vragent::test {

inline torch::Device device() {
  static const torch::Device chosen = [] {
    const char* named = std::getenv("VRAGENT_TEST_DEVICE");  // NOLINT(concurrency-mt-unsafe)
    nn::prepare_torch({});
    return nn::parse_device(named == nullptr ? "cpu" : named);
  }();
  return chosen;
}

}  // namespace vragent::test
