// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Parts of a report: what a page shows and the same as numbers.
#pragma once

#include <vector>

#include "report/runs/report_spec.h"
#include "vragent/report/page/html_page.h"
#include "vragent/util/json.h"

namespace vragent::report::runs {

/// Blocks for the page, and what they show for report.json.
struct ReportPart {
  std::vector<Block> blocks;
  OrderedJson numbers;
};

/// Bars of the agents, and all agents and controls with their intervals.
/// @throws DataError when the files are about different cases
ReportPart accuracy_part(const AccuracySpec& spec);

/// One chart a tag, one line a log. @throws ConfigError on a tag that is a time, DataError on a tag
/// that no log has
ReportPart curve_part(const CurveSpec& spec);

/// Cards with title, key frames and caption. @throws DataError without any item to show
ReportPart gallery_part(const GallerySpec& spec);

/// Groups of completions of some steps. @throws DataError on a step that is not there
ReportPart rollout_part(const RolloutSpec& spec);

/// What simulated feedback added in each run.
ReportPart feedback_part(const std::vector<std::string>& runs);

/// A list of checks that another program made. numbers: [{"name", "ok", "detail"}]
ReportPart checks_part(const std::filesystem::path& file);

}  // namespace vragent::report::runs
