// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A small run of `train-sasrec` in a folder of its own.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "recommender/small_sequences.h"
#include "support/temp_dir.h"
#include "vragent/recommender/training_run.h"
#include "vragent/util/files.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/json.h"

namespace vragent::recommender {

class TrainingRun : public ::testing::Test {
 protected:
  TrainingRun() { write_file(folder_ / "pairs.tsv", pairs_of(ring_of_items(20, 40))); }

  ~TrainingRun() override { clear_interrupt(); }

  [[nodiscard]] TrainConfig config(const std::string& out) const {
    TrainConfig config{.out = folder_ / out, .interactions = folder_ / "pairs.tsv"};
    config.encoder.width = 8;
    config.loop.batch_size = 16;
    config.loop.epochs = 3;
    config.loop.optim.lr = 1e-2;
    config.top_k = 4;
    config.runtime.threads = 1;
    return config;
  }

  static Json run(const TrainConfig& config) {
    return parse_json_object(run_training(config), "metrics");
  }

  test::TempDir folder_;
};

}  // namespace vragent::recommender
