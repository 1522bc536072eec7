// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Agents against each other on the same cases: effect and interval first, then the test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/metrics/statistics.h"
#include "vragent/simulator/scoring/scoring.h"
#include "vragent/util/table.h"

namespace vragent::simulator {

struct CompareConfig {
  std::string reference;        ///< agent the others are compared with; empty = the first
  std::int64_t draws = 10'000;  ///< bootstrap draws over users
  std::int64_t seed = 1;

  void visit(auto& v) {
    v("reference", reference, "agent the others are compared with; the first one by default");
    v("draws", draws, "bootstrap draws over users");
    v("seed", seed, "random seed of the bootstrap");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// One agent minus the reference on the cases of one task, kind and number of negatives.
struct PairedDifference {
  std::string agent;
  std::string reference;
  std::string measure;  ///< "accuracy", or "f1" (judge)
  std::string negatives;
  std::int64_t m = 0;  ///< 0: judge
  std::int64_t num_cases = 0;
  double agent_value = 0;
  double reference_value = 0;
  double difference = 0;              ///< agent minus reference, over all repeats
  metrics::Interval interval;         ///< 95 %, bootstrap over users
  std::int64_t only_agent_right = 0;  ///< cases, first repeat (accuracy only)
  std::int64_t only_reference_right = 0;
  double p_value = 1;  ///< accuracy: exact McNemar, first repeat; f1: bootstrap
  double p_holm = 1;   ///< Holm's correction over all rows
};

/// Compares all agents with the reference. Unread answers are wrong.
/// @throws DataError when two agents did not decide the same cases and repeats, or a decision does
///   not fit its case (see score_agents); ConfigError when the reference is not among the agents or
///   there is nobody to compare
std::vector<PairedDifference> compare_agents(const std::vector<data::Case>& cases,
                                             const std::vector<NamedDecisions>& agents,
                                             const CompareConfig& config);

/// Rows of differences with interval, then p; a difference whose interval excludes 0 has a star.
Table comparison_table(const std::vector<PairedDifference>& differences);

/// [{"agent", "reference", "measure", ..., "difference", "low", "high", "p_value", "p_holm"}]
std::string comparison_json(const std::vector<PairedDifference>& differences);

}  // namespace vragent::simulator
