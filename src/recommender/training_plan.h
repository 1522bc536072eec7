// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What training and ranking of a recommender hold in memory, before a step is made: the program,
// the data set, the network and what a step and a block of ranked users need. Weights are counted
// from the network as it was built; what a step needs is reckoned from the size of its batch and
// rough.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/data/sequences.h"
#include "vragent/recommender/training_run.h"
#include "vragent/util/table.h"

namespace vragent::recommender {

/// Bytes of one process while it trains, and while it ranks all items for a block of users.
struct MemoryLine {
  std::string name;
  double training = 0;
  double ranking = 0;
};

/// How large a step is.
struct StepSize {
  double targets = 0;    ///< scored positions (collaborative models: rows)
  double positions = 0;  ///< of histories, padding too
  double items = 0;      ///< columns of the scores: the batch's own, or all
  double drawn = 0;      ///< negatives of a target
};

/// Expected over batches drawn from the training data, 5 % of slack on the items.
StepSize step_size(const TrainConfig& config, const data::Sequences& sequences);

/// A text or vision encoder that reads each item of a step.
struct EncoderSize {
  std::int64_t tokens = 0;  ///< of an item, patches too
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t layers = 0;  ///< 0 where there is none
};

struct PlanInput {
  const TrainConfig& config;
  const data::Sequences& sequences;
  const torch::nn::Module& model;  ///< as it was built
  EncoderSize encoder;
  int processes = 1;  ///< that share a batch and the moments
};

std::vector<MemoryLine> memory_of(const PlanInput& input);

/// For people, with the counts it was reckoned from below.
Table memory_table(const PlanInput& input);

/// "memory GiB peak=0.93, weights 0.17, ...", for a log.
std::string memory_text(const std::vector<MemoryLine>& lines);

}  // namespace vragent::recommender
