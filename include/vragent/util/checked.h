// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Overflow-checked arithmetic for sizes and offsets that come from a file.
#pragma once

#include <cstdint>
#include <string>

#include "vragent/util/error.h"

namespace vragent {

/// a * b. @throws DataError "<where>: size overflows" when it does not fit 64 bits
inline std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b, const std::string& where) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw DataError(where + ": size overflows");
  return result;
}

}  // namespace vragent
