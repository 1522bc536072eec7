// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Progress on stderr: a bar with rate and time left on a terminal, a plain log line now and then
// otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vragent {

/// Seconds since construction.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// Not thread-safe. The destructor ends the bar's line.
class Progress {
 public:
  /// @param what  for example "frames"
  /// @param total 0 when unknown
  /// @param done  what an earlier run did of it: shown, and no part of the rate
  Progress(std::string what, std::int64_t total, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Counts `steps` more done; `note` (for example "loss=0.53") is shown behind the rate.
  void advance(std::int64_t steps = 1, const std::string& note = "");

 private:
  void show(const std::string& note);
  [[nodiscard]] std::string status(const std::string& note) const;

  std::string what_;
  std::int64_t total_;
  std::int64_t begun_;  ///< done before
  std::int64_t done_;
  bool terminal_;
  double last_shown_ = 0;
  Stopwatch watch_;
};

/// "1:02:03", "4:05" or "6.7s".
std::string format_duration(double seconds);

}  // namespace vragent
