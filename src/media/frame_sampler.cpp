// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/media/frame_sampler.h"

#include <cmath>
#include <stdexcept>

#include "vragent/util/format.h"

namespace vragent::media {
namespace {

void check_duration(double duration_seconds, std::int64_t count) {
  if (count < 0 || !std::isfinite(duration_seconds) || duration_seconds < 0) {
    throw std::logic_error(
        formatted("cannot sample {} times from {} seconds", count, duration_seconds));
  }
}

/// `count` times, the first half a step after `start`.
std::vector<double> mid_times(double start, double step, std::int64_t count) {
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    times.push_back(start + (static_cast<double>(i) + 0.5) * step);
  }
  return times;
}

}  // namespace

std::vector<double> uniform_timestamps(double duration_seconds, std::int64_t count) {
  check_duration(duration_seconds, count);
  if (count == 0) return {};
  return mid_times(0.0, duration_seconds / static_cast<double>(count), count);
}

std::vector<double> adjacent_timestamps(const AdjacentRun& run) {
  check_duration(run.duration_seconds, run.count);
  if (!(run.step_seconds > 0) || !(run.position >= 0 && run.position <= 1)) {
    throw std::logic_error(
        formatted("adjacent frames: step {} s, position {}", run.step_seconds, run.position));
  }
  const double room = run.duration_seconds - static_cast<double>(run.count) * run.step_seconds;
  if (room < 0) return uniform_timestamps(run.duration_seconds, run.count);
  return mid_times(run.position * room, run.step_seconds, run.count);
}

}  // namespace vragent::media
