// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#pragma once

#include <functional>
#include <string>

#include "vragent/util/error.h"

namespace vragent::test {

/// What an error of the type says that is thrown by act(); empty where none is.
template <class Type = Error>
std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Type& error) {
    return error.what();
  }
  return "";
}

}  // namespace vragent::test
