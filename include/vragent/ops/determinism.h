// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which of torch's algorithms may be taken, for a scope.
#pragma once

#include <ATen/Context.h>

namespace vragent::ops {

/// While one lives, torch takes deterministic algorithms alone, or whichever is fastest.
class DeterministicAlgorithms {
 public:
  explicit DeterministicAlgorithms(bool wanted) {
    at::globalContext().setDeterministicAlgorithms(wanted, /*warn_only=*/false);
  }

  ~DeterministicAlgorithms() {
    at::globalContext().setDeterministicAlgorithms(was_on_, was_warning_);
  }

  DeterministicAlgorithms(const DeterministicAlgorithms&) = delete;
  DeterministicAlgorithms& operator=(const DeterministicAlgorithms&) = delete;

 private:
  bool was_on_ = at::globalContext().deterministicAlgorithms();
  bool was_warning_ = at::globalContext().deterministicAlgorithmsWarnOnly();
};

}  // namespace vragent::ops
