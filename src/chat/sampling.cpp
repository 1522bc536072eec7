// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/chat/sampling.h"

#include "vragent/util/config.h"

namespace vragent::chat {

void SamplingConfig::check() const {
  check_range("temperature", temperature, 0, 100);
  check_range("top-k", static_cast<double>(top_k), 0, 1e9);
  check_range("top-p", top_p, 1e-9, 1);
  check_range("min-p", min_p, 0, 1);
  check_range("repetition-penalty", repetition_penalty, 1e-3, 1e3);
  check_range("max-tokens", static_cast<double>(max_tokens), 1, 1e7);
}

}  // namespace vragent::chat
