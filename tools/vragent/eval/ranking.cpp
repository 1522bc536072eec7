// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "eval/commands.h"
#include "printing.h"
#include "vragent/report/tables/list_ranking.h"

namespace vragent::tools {

void add_eval_ranking(CLI::App& eval) {
  CLI::App& command =
      add_command(eval, "ranking", "HR and NDCG of anybody's lists against one target a user");
  auto config = bind_config<report::runs::ListRankingConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    const report::runs::ListRanking ranking = report::runs::rank_lists(*config);
    print_text(*json ? ranking_json(ranking) : to_text(ranking_table(ranking)));
  });
}

}  // namespace vragent::tools
