// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/comm/launch.h"
#include "vragent/recommender/study/study_report.h"
#include "vragent/util/error.h"
#include "vragent/util/table.h"

namespace vragent::tools {

void add_eval_feedback(CLI::App& eval) {
  CLI::App& command = add_command(
      eval, "feedback", "Table 4: retrain under each arm of feedback and seed, compare in pairs");
  auto config = bind_config<recommender::study::FeedbackStudyConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    if (comm::launched_processes() > 1)
      throw ConfigError("eval feedback trains its arms in one process: start it without mpirun");
    const auto study = recommender::study::run_feedback_study(*config);
    if (*json) return print_text(recommender::study::study_json(study));
    for (const Table& table : recommender::study::study_tables(study))
      print_text(to_text(table) + "\n");
  });
}

}  // namespace vragent::tools
