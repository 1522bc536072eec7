// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "eval/commands.h"

namespace vragent::tools {

void add_eval(CLI::App& app) {
  CLI::App& eval = add_command(app, "eval", "Make cases, score decisions, build tables");
  require_command(eval);
  add_eval_make_cases(eval);
  add_eval_score(eval);
  add_eval_compare(eval);
  add_eval_table(eval);
  add_eval_ranking(eval);
  add_eval_feedback(eval);
  add_eval_report(eval);
}

}  // namespace vragent::tools
