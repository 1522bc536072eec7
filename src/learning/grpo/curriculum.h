// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which cases a GRPO step asks: stages one behind the other, each shuffled anew every epoch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/data/cases.h"

namespace vragent::learning {

struct StageSpec {
  bool judge = false;
  bool select = false;
  double epochs = 0;
};

/// "judge:2", "select:1.5", "both:1". @throws ConfigError
StageSpec parse_stage(const std::string& text);

class Curriculum {
 public:
  /// @param replay share of a later stage's prompts that comes from tasks of earlier stages
  /// @throws DataError when a stage has no cases of its task
  Curriculum(const std::vector<data::Case>& cases,
             const std::vector<std::string>& stages,
             std::int64_t batch_prompts,
             double replay,
             std::uint64_t seed);

  [[nodiscard]] std::int64_t total_steps() const { return total_steps_; }

  /// Stage of a step, from 0.
  [[nodiscard]] std::size_t stage_of(std::int64_t step) const;

  /// The cases of a step; depends on the seed and the step alone.
  [[nodiscard]] std::vector<const data::Case*> cases_of(std::int64_t step) const;

  /// Passes over the stage's cases so far, stages summed.
  [[nodiscard]] double epoch_of(std::int64_t step) const;

 private:
  struct Stage {
    std::vector<const data::Case*> own;
    std::vector<const data::Case*> earlier;  ///< replayed
    std::int64_t first_step = 0;
    std::int64_t steps = 0;
    std::int64_t own_per_step = 0;
    std::int64_t earlier_per_step = 0;
  };

  std::vector<Stage> stages_;
  std::int64_t total_steps_ = 0;
  std::uint64_t seed_;
};

}  // namespace vragent::learning
