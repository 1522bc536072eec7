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
#include <sys/types.h>

#include "support/command_line.h"
#include "vragent/comm/launch.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

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

  /// Two processes, each of which tells its number before it begins.
  static std::string two_known(const std::string& command) {
    std::string script = "bash -c 'echo $$ > pid.$OMPI_COMM_WORLD_RANK; exec ";
    script += command;
    return in(2, script += "'");
  }

  [[nodiscard]] pid_t pid_of(int rank) const {
    const std::string text = read(formatted("pid.{}", rank));
    return static_cast<pid_t>(parse_integer(trim(text)).value());
  }
};

}  // namespace vragent::test
