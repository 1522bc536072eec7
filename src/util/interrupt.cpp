// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/interrupt.h"

#include <atomic>
#include <csignal>

#include <unistd.h>

namespace vragent {
namespace {

std::atomic<int> pending_signal{0};
std::atomic<bool> is_signalled{false};  ///< here, and not only asked for by another process
std::atomic<bool> ends_at_first{false};

extern "C" void on_signal(int number) {
  if (is_signalled.exchange(true)) ::_exit(128 + number);
  pending_signal.store(number);
  if (ends_at_first.load()) ::_exit(128 + number);
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader that has seen enough ends us quietly, also where the parent ignores the signal.
  action.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &action, nullptr);
  // A limit on the size of files is an error of the write, as a full disk is.
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
}

void end_at_first_signal(bool at_once) {
  ends_at_first.store(at_once);
  throw_if_interrupted("nothing was kept");
}

bool interrupt_requested() {
  return pending_signal.load() != 0;
}

int interrupt_signal() {
  return pending_signal.load();
}

void request_interrupt(int signal_number) {
  pending_signal.store(signal_number);
}

void clear_interrupt() {
  pending_signal.store(0);
  is_signalled.store(false);
}

Interrupted::Interrupted(const std::string& saved)
    : Error(pending_signal.load() == SIGTERM ? ExitCode::kTerminated : ExitCode::kInterrupted,
            "interrupted; " + saved) {}

void throw_if_interrupted(const std::string& saved) {
  if (interrupt_requested()) throw Interrupted(saved);
}

}  // namespace vragent
