// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The processes that a test runs in, and launches of the built program in several.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "support/command_line.h"
#include "vragent/comm/launch.h"
#include "vragent/util/format.h"

namespace vragent::test {

/// The processes that mpirun started this test in; one where it did not. MPI ends with the program.
inline const comm::Communicator& launched() {
  static const std::unique_ptr<comm::Communicator> processes = comm::connect();
  return *processes;
}

/// Types commands as `mpirun -n W` has them. Skips, saying so, where there is no mpirun.
class Launches : public CommandLine {
 protected:
  void SetUp() override {
    if (std::string(VRAGENT_MPIRUN).empty())
      GTEST_SKIP() << "skipped: no mpirun here (openmpi-bin)";
  }

  /// "mpirun ... -n 2 COMMAND"; 1 is the command alone.
  static std::string in(int processes, const std::string& command) {
    if (processes == 1) return command;
    return formatted(
        "{} --oversubscribe --allow-run-as-root -n {} {}", VRAGENT_MPIRUN, processes, command);
  }
};

}  // namespace vragent::test
