// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Errors of inputs that came from a line of a file or of stdin.
#pragma once

#include <string>

#include "vragent/util/error.h"

namespace vragent::tools {

/// Calls `use`, whose DataErrors get "where: " in front.
template <class Use>
auto located(const std::string& where, Use use) {
  try {
    return use();
  } catch (const DataError& error) {
    throw DataError(where + ": " + error.what());
  }
}

}  // namespace vragent::tools
