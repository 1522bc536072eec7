// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The three errors of the project and the exit codes they end in. Library code throws them; main()
// prints one line and returns the code. Bugs (broken invariants) are std::logic_error or
// TORCH_CHECK instead.
#pragma once

#include <stdexcept>
#include <string>

namespace vragent {

/// Exit codes of every command (sysexits where one fits).
enum class ExitCode : int {
  kOk = 0,
  kSomeFailed = 1,     ///< the run ended, some items failed and are named in the output
  kUsage = 2,          ///< a flag or a config key is wrong
  kBadData = 65,       ///< a file or a record does not say what it must
  kNoInput = 66,       ///< a file that was named does not exist or cannot be opened
  kUnavailable = 69,   ///< a service or a device is not there
  kInternal = 70,      ///< a bug of ours
  kCannotCreate = 73,  ///< an output cannot be created
  kIo = 74,            ///< reading or writing failed on the way (full disk, EIO)
  kTryAgain = 75,      ///< another process holds the run folder
  kInterrupted = 130,  ///< SIGINT: state was saved
  kTerminated = 143,   ///< SIGTERM: state was saved
};

/// Base of all errors that a user can cause; what() is one line: what, where, what to do next.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// A wrong flag or config key; the message names it. Exit code 2.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(ExitCode::kUsage, message) {}
};

/// A wrong file or record; the message starts with path:line where there is one. Exit code 65.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ExitCode::kBadData, message) {}
};

}  // namespace vragent
