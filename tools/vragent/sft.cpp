// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "printing.h"
#include "together.h"
#include "vragent/learning/contrastive_trainer.h"
#include "vragent/learning/sft_trainer.h"

namespace vragent::tools {

void add_sft(CLI::App& app) {
  CLI::App& command = add_command(app, "sft", "Fine-tune a language model on chats or case files");
  auto config = bind_config<learning::SftConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    run_together(config->runtime, [&](const comm::Communicator& processes) {
      if (config->dry_run) {
        if (processes.rank() > 0) return;
        const plan::TrainingRun run =
            learning::plan_sft(*config, config->plan.ranks_or(processes.size()));
        print_tables(plan::plan_tables(run, plan::hardware_of(config->plan, config->runtime)),
                     *json);
        return;
      }
      const learning::SftResult result = learning::run_sft(*config, processes);
      OrderedJson counts = {{"steps", result.steps}, {"train_loss", result.train_loss}};
      if (result.valid_loss) counts["valid_loss"] = *result.valid_loss;
      if (result.skipped > 0) counts["skipped"] = result.skipped;
      if (result.truncated > 0) counts["truncated"] = result.truncated;
      if (result.skipped_updates > 0) counts["skipped_updates"] = result.skipped_updates;
      if (processes.rank() == 0) print_counts(counts, *json);
    });
  });

  CLI::App& clip =
      add_nested_command(command, "clip", "Contrastive training of CLIP on image-text pairs");
  auto clip_config = bind_config<learning::ContrastiveConfig>(clip);
  auto clip_json = add_json_flag(clip);
  on_run(clip, [clip_config, clip_json] {
    const double loss = learning::run_contrastive(*clip_config);
    print_counts({{"steps", clip_config->steps}, {"loss", loss}}, *clip_json);
  });
}

}  // namespace vragent::tools
