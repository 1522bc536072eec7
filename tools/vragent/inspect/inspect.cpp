// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "bind_config.h"
#include "commands.h"
#include "inspect/commands.h"
#include "printing.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/probe.h"
#include "vragent/util/error.h"

namespace vragent::tools {

void add_inspect(CLI::App& app) {
  CLI::App* inspect = app.add_subcommand("inspect", "Look into a checkpoint or a data set");
  auto model = std::make_shared<std::string>();
  auto json = add_json_flag(*inspect);
  inspect->add_option("--model", *model, "checkpoint folder, or org/name in the local cache");
  inspect->require_subcommand(0, 1);
  inspect->final_callback([inspect, model, json] {
    if (!inspect->get_subcommands().empty()) return;
    check_given("model", *model);
    const auto folder = models::resolve_model(*model);
    const Table table = engine::is_adapter_folder(folder) ? engine::describe_adapter(folder)
                                                          : models::describe_model(folder);
    print_text(*json ? to_json(table) + "\n" : to_text(table));
  });
  add_inspect_logits(*inspect);
  add_inspect_merge(*inspect);
  add_inspect_tokenize(*inspect);
  add_inspect_generate(*inspect);
  add_inspect_data(*inspect);
}

}  // namespace vragent::tools
