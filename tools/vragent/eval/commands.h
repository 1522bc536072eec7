// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The commands nested in `eval`, one declaration each.
#pragma once

namespace CLI {
class App;
}

namespace vragent::tools {

void add_eval_make_cases(CLI::App& eval);
void add_eval_score(CLI::App& eval);
void add_eval_compare(CLI::App& eval);
void add_eval_table(CLI::App& eval);
void add_eval_ranking(CLI::App& eval);
void add_eval_feedback(CLI::App& eval);
void add_eval_report(CLI::App& eval);

}  // namespace vragent::tools
