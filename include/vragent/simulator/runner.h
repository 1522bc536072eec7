// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Cases through an agent: in batches, in the order of the cases, each decision written as soon as
// its batch is done; interrupted and resumed without asking twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/data/cases.h"
#include "vragent/simulator/agent.h"

namespace vragent::simulator {

struct RunConfig {
  std::int64_t batch_size = 16;  ///< cases handed to the agent at a time
  std::int64_t repeats = 1;      ///< decisions a case (paper: 3)
  std::int64_t limit = 0;        ///< first cases (of the shard) that are run; 0 = all
  std::string shard = "0/1";     ///< "i/n": cases i, i + n, i + 2n, ... of the file, i from 0
  bool resume = false;           ///< keep the decisions that are there and go on behind them

  void visit(auto& v) {
    v("batch-size", batch_size, "cases asked at a time");
    v("repeats", repeats, "decisions a case, each with its own random stream");
    v("limit", limit, "run the first so many cases only; 0 is all");
    v("shard", shard, "i/n: run only the cases i, i+n, i+2n, ... of the file, i from 0");
    v("resume", resume, "keep the decisions that are there and go on");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

struct RunReport {
  std::int64_t num_decided = 0;     ///< decisions written by this run
  std::int64_t num_kept = 0;        ///< decisions that were there already (resume)
  std::int64_t num_unanswered = 0;  ///< of num_decided: no legal answer
  std::int64_t num_failed = 0;      ///< of num_decided: the call itself failed
};

/// Runs the agent on the cases, all of repeat 0 first, and appends to `out` ("-" is stdout).
/// With resume, decisions of this agent that `out` has (by case_id and repeat) are not made again.
/// After a signal the batch is finished and written.
/// @throws Interrupted then; DataError when `out` holds decisions of cases that are not there,
///   ConfigError when it holds this agent's with another model or seed;
///   Error (73, 74) on `out`
RunReport run_cases(const std::vector<data::Case>& cases,
                    const Agent& agent,
                    const RunConfig& config,
                    const std::filesystem::path& out);

}  // namespace vragent::simulator
