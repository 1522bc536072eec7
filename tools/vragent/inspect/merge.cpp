// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "inspect/commands.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/models/hf_folder.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::tools {
namespace {

struct MergeFlags {
  std::string model;
  std::filesystem::path out;

  void visit(auto& v) {
    v("model", model, "folder of a LoRA adapter in PEFT's layout (required)");
    v("out", out, "model folder to write; must not be there (required)");
  }
};

void merge(const MergeFlags& flags) {
  check_given("model", flags.model);
  check_given("out", flags.out);
  const auto folder = models::resolve_model(flags.model);
  if (!engine::is_adapter_folder(folder))
    throw DataError(formatted("{}: no adapter (it holds no adapter_config.json)", folder));
  if (std::filesystem::exists(flags.out))
    throw Error(ExitCode::kCannotCreate, formatted("{}: is there already", flags.out));
  engine::write_merged_folder(folder, flags.out);
}

}  // namespace

void add_inspect_merge(CLI::App& inspect) {
  CLI::App& command = add_nested_command(
      inspect,
      "merge",
      "Base and LoRA adapter as one model folder; sums in fp32, types as they were");
  auto flags = bind_config<MergeFlags>(command);
  on_run(command, [flags] { merge(*flags); });
}

}  // namespace vragent::tools
