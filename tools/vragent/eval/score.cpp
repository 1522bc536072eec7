// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/simulator/scoring/score_files.h"
#include "vragent/simulator/scoring/score_report.h"

namespace vragent::tools {

void add_eval_score(CLI::App& eval) {
  CLI::App& command = add_command(eval, "score", "Score decisions against the truth of cases");
  auto config = bind_config<simulator::ScoreFilesConfig>(command);
  add_files(command, "DECISIONS", config->decisions);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    const simulator::Scores scores = simulator::score_files(*config);
    if (config->rows == "-") return;
    print_text(*json ? simulator::scores_json(scores) : to_text(simulator::scores_table(scores)));
  });
}

}  // namespace vragent::tools
