// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/simulator/case_files.h"
#include "vragent/util/log.h"

namespace vragent::tools {

void add_eval_make_cases(CLI::App& eval) {
  CLI::App& command =
      add_command(eval, "make-cases", "Freeze questions about held-out videos of users");
  auto config = bind_config<simulator::MakeCasesConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    const simulator::CaseSet set = simulator::make_case_file(*config);
    OrderedJson counts;
    for (const auto& [name, count] : simulator::counts_of(set)) counts[name] = count;
    counts["cases_hash"] = data::hash_cases(set.cases);
    if (config->out == "-") {
      log::info("{}", line_of(counts));
    } else {
      print_counts(counts, *json);
    }
  });
}

}  // namespace vragent::tools
