// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <unistd.h>

#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent {
namespace {

constexpr double kTerminalInterval = 0.2;
constexpr double kPlainInterval = 15.0;
constexpr std::int64_t kBarWidth = 24;

bool is_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  return ::isatty(STDERR_FILENO) != 0 && (term == nullptr || std::string(term) != "dumb");
}

void put(const std::string& text) {
  // A progress bar that cannot be shown is no reason to fail.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string format_duration(double seconds) {
  if (seconds < 60) return formatted("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return formatted("{}:{:02}", whole / 60, whole % 60);
  return formatted("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

Progress::Progress(std::string what, std::int64_t total, std::int64_t done)
    : what_(std::move(what)), total_(total), begun_(done), done_(done), terminal_(is_terminal()) {}

Progress::~Progress() {
  if (done_ == begun_) return;
  if (terminal_) put("\r\x1b[K");
  log::info("{}", status(""));
}

void Progress::advance(std::int64_t steps, const std::string& note) {
  done_ += steps;
  const double now = watch_.seconds();
  if (now - last_shown_ < (terminal_ ? kTerminalInterval : kPlainInterval)) return;
  last_shown_ = now;
  show(note);
}

std::string Progress::status(const std::string& note) const {
  const double elapsed = watch_.seconds();
  const double rate = static_cast<double>(done_ - begun_) / std::max(elapsed, 1e-9);
  std::string text = formatted("{} {}", what_, done_);
  if (total_ > 0) text += formatted("/{}", total_);
  text += formatted(" {:.3g}/s elapsed={}", rate, format_duration(elapsed));
  if (total_ > done_)
    text += formatted(" left={}", format_duration(static_cast<double>(total_ - done_) / rate));
  if (!note.empty()) text += " " + note;
  return text;
}

void Progress::show(const std::string& note) {
  if (!terminal_) {
    log::info("{}", status(note));
    return;
  }
  std::string bar;
  if (total_ > 0) {
    const auto filled = static_cast<std::size_t>(std::min(done_, total_) * kBarWidth / total_);
    bar = "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
  }
  put("\r\x1b[K" + bar + status(note));
}

}  // namespace vragent
