// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Curves of a training run, in two files of its folder: train_log.jsonl (one object a step) and a
// TensorBoard event file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "vragent/report/event_file.h"
#include "vragent/util/files.h"

namespace vragent::report {

class TrainLog {
 public:
  /// @param last_step  when a run resumes: what was logged after this step is cut off; -1 starts
  /// anew
  TrainLog(const std::filesystem::path& run_folder, std::int64_t last_step);

  /// Writes one step to both files: {"step": step, TAG: value, ...}; NaN becomes null.
  void write(std::int64_t step, const std::vector<Scalar>& scalars);

 private:
  LineWriter lines_;
  EventFile events_;
};

/// Cuts a file of {"step": n, ...} lines back to the lines with step <= last_step (-1: empties it).
void cut_steps_after(const std::filesystem::path& path, std::int64_t last_step);

}  // namespace vragent::report
