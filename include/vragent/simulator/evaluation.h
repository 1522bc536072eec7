// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The entry points of `eval make-cases`, `eval score` and `eval compare`: files in, files out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/sequences.h"
#include "vragent/simulator/case_maker.h"
#include "vragent/simulator/comparison.h"
#include "vragent/simulator/scoring.h"

namespace vragent::simulator {

struct MakeCasesConfig {
  std::filesystem::path out = "-";
  std::filesystem::path interactions;
  data::formats::ReadConfig reading;
  std::filesystem::path items;
  std::filesystem::path captions;
  std::filesystem::path comments;
  std::filesystem::path topk;
  bool overwrite = false;
  CaseConfig cases;
  data::ProtocolConfig protocol;  ///< as the recommender of the lists was trained with

  void visit(auto& v) {
    v("out",
      out,
      "run folder for cases.jsonl and users.txt, a file that ends in .jsonl, or - for stdout");
    v("interactions",
      interactions,
      "interactions of users (MicroLens, RecBole, MovieLens, Steam, csv, sequences; .gz, or -)");
    reading.visit(v);
    v("items", items, "titles of items (csv, jsonl, RecBole, MovieLens, Steam; .gz)");
    v("captions", captions, "captions.jsonl, or the run folder that holds it");
    v("comments", comments, "comments: user TAB item TAB text");
    v("topk",
      topk,
      "a recommender's lists, or its run folder; they must come from the history that a case "
      "shows: topk.jsonl for the test split, topk.valid.jsonl (train-sasrec --top-k-splits "
      "valid) for the split valid and for feedback");
    v("overwrite", overwrite, "replace the cases that --out holds");
    cases.visit(v);
    protocol.visit(v);
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// The cases of a file or of the run folder that holds it. @throws DataError with path:line, and
///   when there are none; Error (66)
std::vector<data::Case> load_case_file(const std::filesystem::path& path);

/// Makes cases and writes them, with users.txt and effective_config.json into a run folder.
/// @throws ConfigError, DataError with path:line, Error (66, 73, 74, 75)
CaseSet make_case_file(const MakeCasesConfig& config);

/// What a set of cases holds and who was passed over, for one line: name and count.
std::vector<std::pair<std::string, std::int64_t>> counts_of(const CaseSet& set);

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
    v("cases", cases, "the cases that were answered (cases.jsonl, or its run folder)");
    v("decisions",
      decisions,
      "decisions.jsonl files (- is stdin), or NAME=FILE to give the agent a name of its own");
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
    v("cases", cases, "the cases that were answered (cases.jsonl, or its run folder)");
    v("decisions",
      decisions,
      "decisions.jsonl files (- is stdin), or NAME=FILE to give the agent a name of its own");
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
