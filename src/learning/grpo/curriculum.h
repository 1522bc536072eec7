// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Which cases a GRPO step asks: those whose prompts fit, stages one behind the other, each shuffled
// anew every epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/engine/chat_encoder.h"
#include "vragent/simulator/user_profile.h"

namespace vragent::learning {

/// What a prompt may be, and what becomes of one that is too long.
struct PromptLimit {
  std::int64_t max_tokens = 2048;
  /// error; skip: the case is left out; truncate: the oldest videos of its history are
  std::string overlong = "error";
  std::int64_t vocabulary = 0;  ///< of the model: no token id is larger; 0: not checked
};

struct FittingCases {
  std::vector<data::Case> cases;
  std::vector<std::int64_t> tokens;  ///< of each case's prompt
  std::int64_t skipped = 0;
  std::int64_t truncated = 0;
};

/// The cases of all files whose prompts fit, with what was left out counted.
/// @throws DataError with path:line when a case is there twice, in whichever file, or has no label;
/// when it does not fit and must, also with one video of history left; and when a token is not of
/// the model's vocabulary
FittingCases load_fitting_cases(const std::vector<std::filesystem::path>& files,
                                const engine::ChatEncoder& encoder,
                                const simulator::PromptConfig& prompt,
                                const PromptLimit& limit);

struct StageSpec {
  bool judge = false;
  bool select = false;
  double epochs = 0;
};

/// "judge:2", "select:1.5", "both:1". @throws ConfigError
StageSpec parse_stage(const std::string& text);

/// Cases that a stage asks some of in each step, in an order that is new every epoch.
struct CasePool {
  std::vector<const data::Case*> cases;
  std::int64_t per_step = 0;
  mutable std::vector<const data::Case*> order;  ///< of the epoch last asked for; a cache
  mutable std::int64_t epoch = -1;
};

class Curriculum {
 public:
  /// @param batch_prompts of a step; a stage with fewer cases asks each once
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

  /// How many cases a step asks.
  [[nodiscard]] std::int64_t prompts_of(std::int64_t step) const;

  /// How far a stage has come: cases asked, of its own and replayed ones.
  struct Place {
    std::int64_t own = 0;
    std::int64_t earlier = 0;
  };

  /// Whether a step is the first of its stage: its place is the beginning.
  [[nodiscard]] bool begins_stage(std::int64_t step) const;

  /// The next `count` cases of a step's stage behind `place`, which moves on; they depend on the
  /// seed, the stage and the place alone. No more than a step asks are all different, also where an
  /// epoch ends among them.
  std::vector<const data::Case*> next_cases(std::int64_t step,
                                            std::int64_t count,
                                            Place& place) const;

  /// Passes over the stage's cases so far, stages summed.
  [[nodiscard]] double epoch_of(std::int64_t step) const;

 private:
  struct Stage {
    CasePool own;
    CasePool earlier;  ///< replayed
    std::int64_t first_step = 0;
    std::int64_t steps = 0;
  };

  std::vector<Stage> stages_;
  std::int64_t total_steps_ = 0;
  std::uint64_t seed_;
};

}  // namespace vragent::learning
