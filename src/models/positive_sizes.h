// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Sizes of a config.json that must be above zero, whatever the architecture.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>

#include "vragent/util/json.h"

namespace vragent::models {

/// @param sizes key in the file and value. @throws DataError naming the first key that is not
inline void check_positive(const JsonRecord& record,
                           std::initializer_list<std::pair<const char*, std::int64_t>> sizes) {
  for (const auto& [key, value] : sizes) {
    if (value <= 0) record.fail(key, "a number above 0 is wanted");
  }
}

}  // namespace vragent::models
