// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What a plan reckons with: memory and rates of one device, by the name of a card, as given, or as
// measured on this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/nn/device.h"

namespace vragent::plan {

/// Help of --dry-run.
inline constexpr const char* kDryRunHelp =
    "print memory and traffic of a rank and the time of a step, and do nothing; --model may then "
    "be "
    "qwen2.5-7b or another known shape, and no other file is needed";

struct PlanConfig {
  std::string card = "this";
  std::int64_t ranks = 0;
  double memory = 0;
  double tflops = 0;
  double bandwidth = 0;
  double link = 0;
  double prompt_tokens = 0;
  double answer_tokens = 0;

  void visit(auto& v) {
    v("card",
      card,
      "device that is planned for: this (measured for a second, in --dtype on --device), a100-80, "
      "h100-80, h200-141 or l40s-48 (data sheets, of which 55 % of the FLOPs and 75 % of the "
      "bandwidth are reckoned with)");
    v("ranks", ranks, "processes, one a device; 0: as many as mpirun has started, or one");
    v("memory", memory, "GiB of a device, in place of the card's");
    v("tflops", tflops, "reached by matrix products, in place of the card's");
    v("bandwidth", bandwidth, "GB/s read from memory, in place of the card's");
    v("link", link, "GB/s that a device sends to its neighbour, in place of the card's");
    v("prompt-tokens", prompt_tokens, "mean length for the time of a step; 0: the longest allowed");
    v("answer-tokens", answer_tokens, "the same of answers");
  }

  /// @throws ConfigError naming the field
  void check() const;

  /// Those to plan for, where so many have been started.
  [[nodiscard]] std::int64_t ranks_or(std::int64_t started) const {
    return ranks > 0 ? ranks : started;
  }
};

/// The options of a PlanConfig in a group called plan: none of them changes what a run computes.
inline constexpr const char* kPlanFlags =
    "plan.card,plan.ranks,plan.memory,plan.tflops,plan.bandwidth,plan.link,"
    "plan.prompt-tokens,plan.answer-tokens";

/// One device. Rates are what is reached, not what a data sheet promises.
struct Hardware {
  std::string name;
  double memory = 0;     ///< bytes
  double flops = 0;      ///< a second, in matrix products
  double bandwidth = 0;  ///< bytes a second, read
  double link = 0;       ///< bytes a second, sent; 0 is unknown
};

/// The card of a config with what replaces its figures; "this" is measured.
Hardware hardware_of(const PlanConfig& config, const nn::RuntimeConfig& runtime);

}  // namespace vragent::plan
