// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The entry point of `eval make-cases`, and the cases of a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vragent/data/formats/interaction_reader.h"
#include "vragent/data/sequences.h"
#include "vragent/simulator/case_maker.h"

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
      "run folder for cases.jsonl and users.txt, a file that ends in .jsonl, or - for stdout "
      "");
    v("interactions",
      interactions,
      "interactions of users (MicroLens, RecBole, MovieLens, Steam, csv, sequences; .gz, or -) "
      "(required)");
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

}  // namespace vragent::simulator
