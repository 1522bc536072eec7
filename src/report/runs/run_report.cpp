// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/report/runs/run_report.h"

#include <algorithm>
#include <utility>

#include "report/runs/report_parts.h"
#include "report/runs/report_spec.h"
#include "vragent/report/tables/table_values.h"
#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/version.h"

namespace vragent::report::runs {
namespace {

/// The page and its numbers while sections are added.
struct Draft {
  Page page;
  OrderedJson numbers = OrderedJson::object();
};

/// Adds a section of one part for each specification, and their numbers as one list under `key`.
template <class Specs, class MakePart>
void add_section(
    Draft& draft, Section section, const char* key, const Specs& specs, MakePart make_part) {
  if (specs.empty()) return;
  OrderedJson list = OrderedJson::array();
  for (const auto& spec : specs) {
    ReportPart part = make_part(spec);
    std::move(part.blocks.begin(), part.blocks.end(), std::back_inserter(section.blocks));
    if (!part.numbers.is_array()) part.numbers = OrderedJson::array({part.numbers});
    list.insert(list.end(), part.numbers.begin(), part.numbers.end());
  }
  draft.numbers[key] = std::move(list);
  draft.page.sections.push_back(std::move(section));
}

ReportPart table_part(const TableConfig& config) {
  const RunTable table = build_table(config);
  return {{table.marked}, table_object(table)};
}

Facts facts_of(const std::vector<std::string>& texts) {
  Facts facts;
  for (const std::string& text : texts) {
    const std::size_t cut = text.find('=');
    if (cut == std::string::npos) {
      throw ConfigError("facts: \"" + text + "\" is not LABEL=VALUE");
    }
    facts.items.emplace_back(text.substr(0, cut), text.substr(cut + 1));
  }
  return facts;
}

void add_head(Draft& draft, const ReportSpec& spec) {
  draft.page.kicker = spec.data.empty() ? "vragent report" : "vragent report, " + spec.data;
  draft.page.title = spec.title;
  draft.page.lead = spec.lead;
  draft.page.footer = "Written by vragent " + std::string(kVersion) +
                      ". This file is complete in itself; the same numbers are in report.json.";
  for (const std::string& text : spec.introduction) draft.page.head.push_back(Paragraph{text});
  if (!spec.facts.empty()) draft.page.head.push_back(facts_of(spec.facts));
  for (const NoteSpec& note : spec.notes) {
    draft.page.head.push_back(Callout{
        note.warning ? Callout::Tone::kWarning : Callout::Tone::kNote, note.title, note.text});
  }
  draft.numbers["title"] = spec.title;
  draft.numbers["data"] = spec.data;
  draft.numbers["facts"] = spec.facts;
}

std::int64_t num_failed(const OrderedJson& numbers) {
  if (!numbers.contains("checks")) return 0;
  const OrderedJson& checks = numbers["checks"];
  return std::count_if(checks.begin(), checks.end(), [](const OrderedJson& check) {
    return !check["ok"].get<bool>();
  });
}

Draft draft_of(const ReportSpec& spec) {
  Draft draft;
  add_head(draft, spec);
  add_section(draft, {.title = "Tables"}, "tables", spec.tables, table_part);
  add_section(draft, {.title = "Simulated users"}, "accuracy", spec.accuracy, accuracy_part);
  add_section(draft, {.title = "Training"}, "curves", spec.curves, curve_part);
  add_section(draft,
              {.title = "What the videos show",
               .lead = "Key frames with the item's title and the caption made from both."},
              "gallery",
              spec.galleries,
              gallery_part);
  add_section(draft,
              {.title = "Rollouts", .lead = "Sampled answers of one prompt and what they earned."},
              "rollouts",
              spec.rollouts,
              rollout_part);
  if (!spec.feedback.empty()) {
    add_section(draft,
                {.title = "Simulated feedback"},
                "feedback",
                std::vector<std::vector<std::string>>{spec.feedback},
                feedback_part);
  }
  if (!spec.checks.empty()) {
    add_section(draft, {.title = "Checks"}, "checks", std::vector{spec.checks}, checks_part);
  }
  return draft;
}

}  // namespace

void ReportConfig::check() const {
  check_given("spec", spec);
  check_given("out", out);
  if (!data::is_run_folder(out)) throw ConfigError("--out must be a run folder");
}

std::string describe_report_spec() {
  return describe_keys();
}

ReportSummary write_report(const ReportConfig& config) {
  config.check();
  const Draft draft = draft_of(load_report_spec(config.spec));
  data::begin_run(config, "eval report");
  const std::string html = to_html(draft.page);
  const std::string json =
      draft.numbers.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
  write_file(config.out / data::kReportDataFile, json);
  write_file(config.out / data::kReportFile, html);
  return {std::ssize(draft.page.sections), std::ssize(html), num_failed(draft.numbers)};
}

}  // namespace vragent::report::runs
