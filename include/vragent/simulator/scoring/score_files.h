// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The entry points of `eval score` and `eval compare`: files in, files out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vragent/simulator/scoring/comparison.h"
#include "vragent/simulator/scoring/scoring.h"

namespace vragent::simulator {

/// Decisions of files under the names of tables. "FILE": each of its agents under its own name,
/// agents of several such files joined by name (so that shards of a run are one agent again);
/// "NAME=FILE": its one agent that asked a model is called NAME, its controls keep their names.
/// @throws ConfigError when stdin is named twice, or a named file has several agents that asked a
///   model; DataError when an agent decided a case and repeat twice
std::vector<NamedDecisions> load_named_decisions(const std::vector<std::string>& files);

struct ScoreFilesConfig {
  std::filesystem::path cases;
  std::vector<std::string> decisions;
  std::filesystem::path rows;
  std::filesystem::path out;
  ScoreConfig score;

  void visit(auto& v) {
    v("cases", cases, "the cases that were answered (cases.jsonl, or its run folder) (required)");
    v("decisions",
      decisions,
      "decisions.jsonl files (- is stdin), or NAME=FILE to give the agent a name of its own "
      "(required)");
    v("rows", rows, "write one line a decision with what it was worth; - is stdout");
    v("out", out, "run folder for scores.json, or a file that ends in .json");
    score.visit(v);
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// Scores decisions; writes scores.json and the rows where they are wanted. Errors as
/// score_agents().
Scores score_files(const ScoreFilesConfig& config);

struct CompareFilesConfig {
  std::filesystem::path cases;
  std::vector<std::string> decisions;
  std::filesystem::path out;
  CompareConfig compare;

  void visit(auto& v) {
    v("cases", cases, "the cases that were answered (cases.jsonl, or its run folder) (required)");
    v("decisions",
      decisions,
      "decisions.jsonl files (- is stdin), or NAME=FILE to give the agent a name of its own "
      "(required)");
    v("out", out, "run folder for comparison.json, or a file that ends in .json");
    compare.visit(v);
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// Compares agents on the same cases; writes comparison.json where it is wanted. Errors as
/// compare_agents().
std::vector<PairedDifference> compare_files(const CompareFilesConfig& config);

}  // namespace vragent::simulator
