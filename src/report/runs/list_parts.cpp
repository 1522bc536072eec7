// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "report/runs/report_parts.h"
#include "vragent/report/tables/run_files.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::report::runs {

ReportPart feedback_part(const std::vector<std::string>& runs) {
  MarkedTable marked;
  marked.table.columns = {"run", "arm", "users", "inserted", "answered Yes", "held out", "guard"};
  OrderedJson numbers = OrderedJson::array();
  for (const data::NamedPath& named : named_paths(runs, "feedback")) {
    const RankingRun run = load_ranking_run(named.path);
    if (!run.feedback) {
      throw DataError(
          formatted("feedback: {} ({}) was trained without feedback", named.name, named.path));
    }
    const FeedbackSummary& feedback = *run.feedback;
    OrderedJson row = {{"name", named.name}, {"arm", feedback.arm}, {"guard", feedback.guard}};
    for (const auto& [name, count] : feedback.counts) row[name] = count;
    numbers.push_back(row);
    marked.table.rows.push_back({named.name,
                                 feedback.arm,
                                 formatted("{}", feedback.counts.at("users")),
                                 formatted("{}", feedback.counts.at("inserted")),
                                 formatted("{}", feedback.counts.at("answered_yes")),
                                 formatted("{}", feedback.counts.at("held_out")),
                                 feedback.guard ? "dropped" : "kept"});
  }
  marked.table.notes.emplace_back(
      "held out: picks that are the user's own validation or test item; the guard says what became "
      "of them.");
  return {{marked}, numbers};
}

ReportPart checks_part(const std::filesystem::path& file) {
  const std::string where = file.string();
  const Json list = parse_json(read_file(file), where);
  if (!list.is_array()) throw DataError(where + ": a list of checks is wanted");
  MarkedTable marked;
  marked.table.columns = {"check", "result", "detail"};
  OrderedJson numbers = OrderedJson::array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = formatted("{}: [{}]", where, i);
    if (!list[i].is_object()) throw DataError(place + ": an object is wanted");
    const JsonRecord record(list[i], place);
    if (!record.has("ok")) record.fail("ok", "is missing");
    const bool is_ok = record.boolean_or("ok", false);
    const std::string name = record.text("name");
    const std::string detail = record.text_or("detail", "");
    marked.table.rows.push_back({name, is_ok ? "ok" : "FAILED", detail});
    numbers.push_back({{"name", name}, {"ok", is_ok}, {"detail", detail}});
  }
  return {{marked}, numbers};
}

}  // namespace vragent::report::runs
