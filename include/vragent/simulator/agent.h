// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What every simulated user looks like from outside: a name and a function from cases to decisions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/data/decisions.h"

namespace vragent::simulator {

struct Agent {
  std::string name;
  std::string model;      ///< for the records; empty without a model
  std::string backend;    ///< for the records; empty without a model
  std::int64_t seed = 0;  ///< for the records; the agent draws with it
  bool sees_aux = false;  ///< controls only: the scores behind the negatives stay in the cases

  /// One decision a case, in order; answer, status and costs are filled in, the runner adds who
  /// decided. A decision depends on its case, the agent's seed and `repeat` only, never on its
  /// batch mates. Labels are stripped from the cases.
  std::function<std::vector<data::Decision>(std::span<const data::Case> cases, std::int64_t repeat)>
      decide;
};

}  // namespace vragent::simulator
