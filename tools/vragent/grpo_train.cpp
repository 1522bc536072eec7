// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "printing.h"
#include "together.h"
#include "vragent/learning/grpo/grpo_trainer.h"

namespace vragent::tools {

void add_grpo_train(CLI::App& app) {
  CLI::App& command = add_command(
      app, "grpo-train", "Train a simulated user by group-relative policy optimisation");
  auto config = bind_config<learning::GrpoConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    run_together(config->runtime, [&](const comm::Communicator& processes) {
      if (config->dry_run) {
        if (processes.rank() > 0) return;
        const plan::TrainingRun run =
            learning::plan_grpo(*config, config->plan.ranks_or(processes.size()));
        print_tables(plan::plan_tables(run, plan::hardware_of(config->plan, config->runtime)),
                     *json);
        return;
      }
      const learning::GrpoResult result = learning::run_grpo(*config, processes);
      if (processes.rank() > 0) return;
      print_counts({{"steps", result.steps},
                    {"last_reward", result.last_reward},
                    {"skipped_prompts", result.skipped_prompts},
                    {"truncated_prompts", result.truncated_prompts},
                    {"dropped_groups", result.dropped_groups},
                    {"skipped_updates", result.skipped_updates}},
                   *json);
    });
  });
}

}  // namespace vragent::tools
