// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The specification of a report, read strictly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vragent/data/run_dir.h"
#include "vragent/report/tables/run_tables.h"

namespace vragent::report::runs {

struct NoteSpec {
  std::string title;
  std::string text;
  bool warning = false;

  void visit(auto& v) {
    v("title", title, "a framed remark");
    v("text", text, "what it says");
    v("warning", warning, "set apart as a warning");
  }
};

struct AccuracySpec {
  std::string title = "Accuracy";
  std::vector<std::string> scores;
  std::string negatives;
  std::string caption;

  void visit(auto& v) {
    v("title", title, "title of the charts");
    v("scores", scores, "NAME=RUN, scores.json of agents on the same cases");
    v("negatives", negatives, "kind of negatives that is shown (the only one, else topk)");
    v("caption", caption, "sentence below the charts");
  }
};

struct CurveSpec {
  std::string title;
  std::vector<std::string> logs;
  std::vector<std::string> tags;
  double smoothing = 0.0;
  std::string x_label = "step";
  std::string caption;

  void visit(auto& v) {
    v("title", title, "title of the charts, one a tag");
    v("logs", logs, "NAME=RUN, train_log.jsonl; one line each in every chart");
    v("tags", tags, "what is drawn: loss, valid_hr@10, reward, kl, accuracy/judge, ...");
    v("smoothing", smoothing, "weight of the past in [0, 1); raw values stay as a pale line");
    v("x-label", x_label, "name of the horizontal axis");
    v("caption", caption, "sentence below the charts");
  }
};

struct GallerySpec {
  std::filesystem::path frames;
  std::filesystem::path captions;
  std::filesystem::path items;
  std::int64_t num = 6;
  std::int64_t width = 160;
  std::vector<std::string> item_ids;

  void visit(auto& v) {
    v("frames", frames, "run folder of extract-frames");
    v("captions", captions, "captions.jsonl, or its run folder");
    v("items", items, "titles of items");
    v("num", num, "number of items: the first with frames and a caption");
    v("width", width, "width of a frame in pixels");
    v("item-ids", item_ids, "instead of num: these items");
  }
};

struct RolloutSpec {
  std::string title = "Rollouts";
  std::filesystem::path completions;
  std::vector<std::string> steps = {"first", "last"};
  std::int64_t groups = 2;

  void visit(auto& v) {
    v("title", title, "title above the groups");
    v("completions", completions, "completions.jsonl, or the run folder of grpo-train");
    v("steps", steps, "first, last or a step's number");
    v("groups", groups, "prompts shown of each step");
  }
};

struct ReportSpec {
  std::string title = "Report";
  std::string lead;
  std::string data;
  std::vector<std::string> introduction;
  std::vector<std::string> facts;
  std::vector<std::string> feedback;
  std::filesystem::path checks;
  std::vector<NoteSpec> notes;
  std::vector<TableConfig> tables;
  std::vector<AccuracySpec> accuracy;
  std::vector<CurveSpec> curves;
  std::vector<GallerySpec> galleries;
  std::vector<RolloutSpec> rollouts;

  /// The plain fields; lists of objects are read apart.
  void visit(auto& v) {
    v("title", title, "title of the page");
    v("lead", lead, "one sentence below it");
    v("data", data, "what everything was measured on");
    v("introduction", introduction, "paragraphs");
    v("facts", facts, "LABEL=VALUE, side by side");
    v("feedback", feedback, "NAME=RUN, metrics.json of runs with simulated feedback");
    v("checks", checks, "JSON list of {name, ok, detail}");
  }
};

/// Reads a specification; paths in it become relative to the process.
/// @throws ConfigError naming path and key, Error (66)
ReportSpec load_report_spec(const std::filesystem::path& path);

/// "NAME=RUN" texts, the name needed. @throws ConfigError naming the key
std::vector<data::NamedPath> named_paths(const std::vector<std::string>& texts,
                                         const std::string& key);

/// All keys with their help, for describe_report_spec().
std::string describe_keys();

}  // namespace vragent::report::runs
