// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which moments of a video to look at: pure arithmetic in seconds from the video's first frame.
// Moments are times, never frame numbers: frames need not be evenly spaced.
#pragma once

#include <cstdint>
#include <vector>

namespace vragent::media {

/// The middles of `count` equal parts of the video: (i + 0.5) * duration / count, rising.
/// @param duration_seconds 0 or more, finite; 0 gives `count` zeros
/// @throws std::logic_error on a negative count or a senseless duration
std::vector<double> uniform_timestamps(double duration_seconds, std::int64_t count);

/// A run of neighbours (the "w/o KFR" ablation): `count` times, `step_seconds` apart, each in the
/// middle of its step, the run wholly inside the video.
struct AdjacentRun {
  double duration_seconds = 0.0;
  std::int64_t count = 0;
  double step_seconds = 0.0;  ///< for neighbouring frames 1 / frames_per_second; above 0
  double position = 0.0;  ///< 0 (the run starts the video) .. 1 (it ends it), drawn by the caller
};

/// The times of `run`, rising; the uniform ones where the video is shorter than the run.
/// @throws std::logic_error when a field is outside its range
std::vector<double> adjacent_timestamps(const AdjacentRun& run);

}  // namespace vragent::media
