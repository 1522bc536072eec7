// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Supervised training of a tiny model on seven examples.
#pragma once

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "support/tiny_models.h"
#include "vragent/learning/sft_trainer.h"
#include "vragent/util/files.h"
#include "vragent/util/interrupt.h"

namespace vragent::learning {

class SftTraining : public ::testing::Test {
 protected:
  SftTraining() {
    test::write_tiny_lm(folder_ / "lm", 1);
    std::string lines;
    for (const char* animal : {"cat", "dog", "cat and dog", "garden", "snow", "night", "market"})
      lines += std::string("{\"prompt\": \"where is the ") + animal + "\", \"completion\": \"the " +
               animal + " is here\"}\n";
    write_file(folder_ / "train.jsonl", lines);
  }

  ~SftTraining() override { clear_interrupt(); }

  /// Six steps: two epochs of seven examples by three.
  [[nodiscard]] SftConfig config(const std::string& out) const {
    SftConfig config{.out = folder_ / out,
                     .train = folder_ / "train.jsonl",
                     .valid = folder_ / "train.jsonl",
                     .model = (folder_ / "lm").string(),
                     .batch_size = 3,
                     .epochs = 2,
                     .log_every = 4,
                     .valid_every = 3,
                     .save_every = 2};
    config.optim.lr = 3e-3;
    config.optim.warmup_steps = 2;
    config.runtime.threads = 1;
    return config;
  }

  /// Stops a run so many times, a step further each time, then lets it end.
  static SftResult run_in_parts(SftConfig parts, int stops) {
    request_interrupt(SIGTERM);  // one step a run
    for (int stop = 0; stop < stops; ++stop) {
      EXPECT_THROW(run_sft(parts), Interrupted) << stop;
      parts.resume = true;
    }
    clear_interrupt();
    return run_sft(parts);
  }

  test::TempDir folder_;
};

}  // namespace vragent::learning
