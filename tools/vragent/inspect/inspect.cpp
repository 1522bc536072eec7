// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "inspect/commands.h"
#include "printing.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/probe.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::tools {
namespace {

struct InspectFlags {
  std::string model;

  void visit(auto& v) {
    v("model", model, "checkpoint folder, or org/name in the local cache (required)");
  }
};

}  // namespace

void add_inspect(CLI::App& app) {
  CLI::App& inspect = add_command(app, "inspect", "Look into a checkpoint or a data set");
  auto flags = bind_config<InspectFlags>(inspect);
  auto json = add_json_flag(inspect);
  on_run(inspect, [flags, json] {
    check_given("model", flags->model);
    end_at_first_signal(true);
    const auto folder = models::resolve_model(flags->model);
    const Table table = engine::is_adapter_folder(folder) ? engine::describe_adapter(folder)
                                                          : models::describe_model(folder);
    print_text(*json ? to_json(table) + "\n" : to_text(table));
  });
  add_inspect_logits(inspect);
  add_inspect_merge(inspect);
  add_inspect_tokenize(inspect);
  add_inspect_generate(inspect);
  add_inspect_data(inspect);
  add_inspect_grpo_loss(inspect);
}

}  // namespace vragent::tools
