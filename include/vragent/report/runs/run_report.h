// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// `eval report`: one self-contained report.html, and report.json with every number on it. Equal
// inputs give equal bytes: neither file holds a time, a date or a path.
//
// The specification is a JSON object. Unknown keys are refused; paths are relative to its folder.
//   title, lead, data   data: what everything was measured on ("mini world, seed 7")
//   introduction        list of paragraphs
//   facts               list of "LABEL=VALUE"
//   notes               list of {title, text, warning (true or false)}
//   tables              list of {id, runs ["NAME=RUN"], negatives, published, intervals, data}
//   accuracy            list of {title, scores ["NAME=RUN"], negatives, caption}
//   curves              list of {title, logs ["NAME=RUN"], tags, smoothing, x-label, caption}
//   gallery             {frames, captions, items, num, width, item-ids}
//   rollouts            list of {title, completions, steps ["first", "last" or a number], groups}
//   feedback            list of "NAME=RUN" (metrics.json)
//   checks              a JSON file: list of {name, ok, detail}
// A RUN is a run folder, or the file in it that is wanted. Curves of times are refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vragent::report::runs {

struct ReportConfig {
  std::filesystem::path spec;
  std::filesystem::path out;

  void visit(auto& v) {
    v("spec", spec, "what the report shows: a JSON file, see the keys below (required)");
    v("out", out, "run folder for report.html and report.json (required)");
  }

  /// @throws ConfigError naming the field
  void check() const;
};

/// How much was written.
struct ReportSummary {
  std::int64_t num_sections = 0;
  std::int64_t html_bytes = 0;
  std::int64_t checks_failed = 0;
};

/// The keys of a specification with their meaning, one line each, for --help.
std::string describe_report_spec();

/// Writes report.html and report.json. @throws ConfigError naming a key of the specification,
/// DataError with path:line on a file it names, Error (66, 73, 74)
ReportSummary write_report(const ReportConfig& config);

}  // namespace vragent::report::runs
