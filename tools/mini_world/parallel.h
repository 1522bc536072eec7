// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A loop whose turns do not depend on each other, over a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "vragent/util/interrupt.h"
#include "vragent/util/progress.h"

namespace mini_world {

/// Calls `work(index)` for 0 .. count-1 on `jobs` threads (at least one) and shows progress as
/// `what`. The first error ends the loop and is thrown here.
/// @throws vragent::Interrupted when a stop was asked for
template <class Work>
void parallel_for(const std::string& what,
                  std::int64_t count,
                  std::int64_t jobs,
                  const Work& work) {
  vragent::Progress progress(what, count);
  std::atomic<std::int64_t> next = 0;
  std::exception_ptr error;
  std::mutex mutex;  // guards progress and error
  const auto run = [&] {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        vragent::throw_if_interrupted(what + ": stopped; run the same command again");
        work(i);
        const std::lock_guard lock(mutex);
        progress.advance();
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 1; i < std::min(jobs, count); ++i) threads.emplace_back(run);
    run();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace mini_world
