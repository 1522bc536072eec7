// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Training that is stopped on its way, as by a signal.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "vragent/nn/checkpoint.h"
#include "vragent/recommender/trainer.h"
#include "vragent/util/interrupt.h"

namespace vragent::recommender {

/// Trains until a signal comes in the step-th step (from 1), which is finished and saved. Where
/// there are micro-batches, all steps have as many.
inline void train_until(std::int64_t step,
                        Learner learner,
                        const LoopConfig& config,
                        const TrainingInput& input) {
  const std::int64_t parts = (config.batch_size - 1) / config.examples_at_once() + 1;
  std::int64_t calls = 0;
  const auto plain = learner.loss;
  learner.loss = [&](const std::vector<std::size_t>& examples, std::uint64_t draw_seed) {
    if (++calls == (step - 1) * parts + 1) request_interrupt(SIGTERM);
    return plain(examples, draw_seed);
  };
  EXPECT_THROW(run_loop(learner, config, input), Interrupted);
  clear_interrupt();
  const nn::TrainingState saved = nn::load_training_state(input.run_folder / "checkpoint");
  EXPECT_EQ(saved.numbers.at("step"), static_cast<double>(step));
}

}  // namespace vragent::recommender
