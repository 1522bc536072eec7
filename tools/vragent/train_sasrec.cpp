// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <iostream>

#include "command.h"
#include "commands.h"
#include "printing.h"
#include "together.h"
#include "vragent/recommender/training_run.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/table.h"

namespace vragent::tools {
namespace {

/// metrics.json as a table: a row each for valid, test, cold and warm test users.
Table metrics_table(const std::string& metrics_json) {
  const Json metrics = parse_json_object(metrics_json, "metrics.json");
  Table table{.title = "", .columns = {"split"}};
  for (const char* split : {"valid", "test", "test_cold", "test_warm"}) {
    std::vector<std::string> row = {split};
    for (const auto& [name, value] : metrics[split].items()) {
      if (table.rows.empty()) table.columns.push_back(name);
      row.push_back(value.is_null()             ? "-"
                    : value.is_number_integer() ? value.dump()
                                                : formatted("{:.6f}", value.get<double>()));
    }
    table.rows.push_back(row);
  }
  return table;
}

}  // namespace

void add_train_sasrec(CLI::App& app) {
  CLI::App& command =
      add_command(app, "train-sasrec", "Train a recommender, evaluate it, write its top-k lists");
  auto config = bind_config<recommender::TrainConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    run_together(config->runtime, [&](const comm::Communicator& processes) {
      if (config->dry_run) {
        if (processes.rank() == 0)
          print_tables({recommender::plan_training(*config, processes.size())}, *json);
        return;
      }
      const std::string metrics = recommender::run_training(*config, processes);
      if (processes.rank() > 0) return;
      std::cout << (*json ? metrics : to_text(metrics_table(metrics)));
    });
  });
}

}  // namespace vragent::tools
