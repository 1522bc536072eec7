// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/report/runs/run_report.h"

namespace vragent::tools {

void add_eval_report(CLI::App& eval) {
  CLI::App& command =
      add_command(eval, "report", "One self-contained page about runs, and its numbers as JSON");
  auto config = bind_config<report::runs::ReportConfig>(command);
  add_footer(command, report::runs::describe_report_spec());
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    const report::runs::ReportSummary summary = report::runs::write_report(*config);
    print_counts({{"sections", summary.num_sections},
                  {"html_bytes", summary.html_bytes},
                  {"checks_failed", summary.checks_failed}},
                 *json);
  });
}

}  // namespace vragent::tools
