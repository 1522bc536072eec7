// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Ctrl-C and SIGTERM: the first signal asks the running stage to finish its step and save; the
// second ends the process at once, and so does the first where there is nothing to save.
#pragma once

#include "vragent/util/error.h"

namespace vragent {

/// Installs the handlers for SIGINT and SIGTERM. Called once by main().
void install_interrupt_handlers();

/// Lets the first signal end the process at once, or no longer: for what keeps nothing and may wait
/// for its input. @throws Interrupted when one came before
void end_at_first_signal(bool at_once);

/// True after the first signal: stop at the next place where state can be saved.
bool interrupt_requested();

/// The number of that signal; 0 before it.
int interrupt_signal();

/// Asks for a stop as a signal would (for tests, and where another process was asked).
void request_interrupt(int signal_number);

/// Forgets a request (for tests).
void clear_interrupt();

/// Thrown by a stage that has saved its state after a signal; carries 130 or 143.
class Interrupted : public Error {
 public:
  /// @param saved what was kept and how to go on, for the one line that is printed
  explicit Interrupted(const std::string& saved);
};

/// Throws Interrupted(saved) when a stop was asked for.
void throw_if_interrupted(const std::string& saved);

}  // namespace vragent
