// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "bind_config.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/simulator/case_files.h"
#include "vragent/util/log.h"

namespace vragent::tools {

void add_eval_make_cases(CLI::App& eval) {
  CLI::App* command =
      eval.add_subcommand("make-cases", "Freeze questions about held-out videos of users");
  auto config = bind_config<simulator::MakeCasesConfig>(*command);
  auto json = add_json_flag(*command);
  command->final_callback([config, json] {
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
