// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Where torch's time goes: seconds by operator, without those of the operators it calls.
#pragma once

#include "vragent/util/json.h"

namespace vragent::bench {

/// Counts from construction; one at a time.
class OpTimes {
 public:
  OpTimes();
  ~OpTimes();
  OpTimes(const OpTimes&) = delete;
  OpTimes& operator=(const OpTimes&) = delete;

  /// [operator with its input shapes, seconds, calls], the longest first.
  [[nodiscard]] OrderedJson table(std::size_t rows) const;

 private:
  unsigned long handle_;
};

}  // namespace vragent::bench
