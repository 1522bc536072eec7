// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Memory, traffic and time of training a language model, before it begins (`grpo.md` 4.2, 4.3).
// Lengths are the longest allowed where memory is asked for, the expected ones where time is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/nn/lora.h"
#include "vragent/plan/hardware.h"
#include "vragent/plan/model_shape.h"
#include "vragent/util/table.h"

namespace vragent::plan {

struct TrainingRun {
  ModelShape model;
  bool bf16 = true;  ///< weights; else fp32
  nn::LoraConfig lora;
  bool reference = false;    ///< log-probabilities of a reference policy are needed
  std::int64_t passes = 1;   ///< forward and backward over the data of a step
  std::int64_t updates = 1;  ///< optimiser steps in all of them
  std::int64_t ranks = 1;
  std::int64_t zero = 1;

  std::int64_t micro_tokens = 0;   ///< of the largest forward and backward of a rank
  std::int64_t micro_targets = 0;  ///< tokens among them whose logits are needed
  bool several_parts = false;      ///< an update has several of those: bf16 sums up in fp32
  bool recomputes = false;         ///< each layer's input is kept, and the layer computed again
  bool makes_again = false;  ///< weights that learn have their inputs made again (ops::Remade)

  std::int64_t prompts = 0;        ///< of a step, all ranks; 0 where nothing is sampled
  std::int64_t group = 1;          ///< answers of each
  std::int64_t sample_rows = 512;  ///< answers decoded together
  bool copies = false;  ///< sampling has packed copies of bf16 matrices (InferenceCopies)
  std::int64_t max_prompt = 0;
  std::int64_t max_answer = 0;

  double prompt_tokens = 0;  ///< mean length; where nothing is sampled: all tokens of a step
  double answer_tokens = 0;  ///< mean length; where nothing is sampled: targets of a step
};

/// Bytes of one rank while it samples, learns (forward and backward), and updates the weights.
struct MemoryLine {
  std::string name;
  double sampling = 0;
  double learning = 0;
  double updating = 0;
};

std::vector<MemoryLine> memory_of(const TrainingRun& run);

/// Whether a run on this device in this type packs copies of what it samples from: bf16 on a CPU
/// that multiplies bf16. Of a card other than "this" one it is not so.
bool packs_copies(const nn::RuntimeConfig& runtime, const PlanConfig& config);

/// Whether a run on this device makes inputs again: on a CPU. Of a card other than "this" one it is
/// not so.
bool makes_inputs_again(const nn::RuntimeConfig& runtime, const PlanConfig& config);

/// The largest of the three sums.
double peak_of(const std::vector<MemoryLine>& lines);

/// A stage of a step: seconds, and bytes that a rank sends.
struct TimeLine {
  std::string name;
  double seconds = 0;
  double sent = 0;
};

std::vector<TimeLine> time_of(const TrainingRun& run, const Hardware& hardware);

/// Both for people, with what was assumed below.
std::vector<Table> plan_tables(const TrainingRun& run, const Hardware& hardware);

/// "weights=0.25 gradients=... peak=1.93" in GiB, for a log.
std::string memory_line(const TrainingRun& run);

}  // namespace vragent::plan
