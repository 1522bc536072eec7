// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/simulator/scoring/score_files.h"

namespace vragent::tools {

void add_eval_compare(CLI::App& eval) {
  CLI::App& command =
      add_command(eval, "compare", "Paired differences between agents on the same cases");
  auto config = bind_config<simulator::CompareFilesConfig>(command);
  add_files(command, "DECISIONS", config->decisions);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    const auto differences = simulator::compare_files(*config);
    print_text(*json ? simulator::comparison_json(differences)
                     : to_text(simulator::comparison_table(differences)));
  });
}

}  // namespace vragent::tools
