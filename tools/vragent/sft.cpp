// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "bind_config.h"
#include "commands.h"
#include "printing.h"
#include "vragent/learning/contrastive_trainer.h"
#include "vragent/learning/sft_trainer.h"

namespace vragent::tools {

void add_sft(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("sft", "Fine-tune a language model on chats or case files");
  auto config = bind_config<learning::SftConfig>(*command);
  auto json = add_json_flag(*command);
  command->require_subcommand(0, 1);
  command->final_callback([command, config, json] {
    if (!command->get_subcommands().empty()) return;
    const learning::SftResult result = learning::run_sft(*config);
    OrderedJson counts = {{"steps", result.steps}, {"train_loss", result.train_loss}};
    if (result.valid_loss) counts["valid_loss"] = *result.valid_loss;
    print_counts(counts, *json);
  });

  CLI::App* clip =
      command->add_subcommand("clip", "Contrastive training of CLIP on image-text pairs");
  keep_apart(*clip);
  auto clip_config = bind_config<learning::ContrastiveConfig>(*clip);
  auto clip_json = add_json_flag(*clip);
  clip->final_callback([clip_config, clip_json] {
    const double loss = learning::run_contrastive(*clip_config);
    print_counts({{"steps", clip_config->steps}, {"loss", loss}}, *clip_json);
  });
}

}  // namespace vragent::tools
