// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What an exception ends the program with.
#pragma once

#include <string>

#include "vragent/util/error.h"

namespace vragent::tools {

struct Failure {
  ExitCode code = ExitCode::kInternal;
  std::string message;  ///< one line; empty: another process says it
};

/// Of the exception that is being handled; called in a catch clause.
Failure current_failure();

/// Prints the line, if there is one. @return the code, for main()
int report(const Failure& failure);

}  // namespace vragent::tools
