// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <utility>

#include "command.h"
#include "inspect/commands.h"
#include "inspect/ids_file.h"
#include "inspect/out_file.h"
#include "vragent/engine/adapter_folder.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/probe.h"
#include "vragent/nn/device.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"

namespace vragent::tools {
namespace {

struct LogitsFlags {
  std::string model;
  std::filesystem::path ids;
  std::vector<std::filesystem::path> images;
  std::string dtype = "float32";
  std::string device = "cpu";
  std::filesystem::path out;

  void visit(auto& v) {
    v("model", model, "checkpoint or adapter folder, or org/name in the local cache (required)");
    v("ids",
      ids,
      "JSON file (or -) with one list of token ids; for clip, bert, roberta and xlm-roberta also a "
      "list of lists, or a list a line (the bert family masks ids that are the pad id)");
    v("images",
      images,
      "image files, in the order of their places in --ids: one image token an image, which is "
      "expanded, or as many as it has features; frames of clips for videomae");
    v("dtype", dtype, "float32 or bfloat16");
    v("device", device, "cpu, cuda or cuda:N");
    v("out", out, "safetensors file to write, in place of one that is there (required)");
  }
};

void inspect_logits(const LogitsFlags& flags) {
  check_given("model", flags.model);
  if (flags.ids.empty() && flags.images.empty())
    throw ConfigError("--ids is required (a vision tower takes --images)");
  check_out_file(flags.out);
  end_at_first_signal(true);
  models::ProbeInput input{.device = nn::parse_device(flags.device),
                           .ids_source = flags.ids.string()};
  for (IdsRow& row : read_ids(flags.ids)) input.ids.push_back(std::move(row.ids));
  for (const auto& path : flags.images) input.images.push_back(media::read_image(path));
  const auto folder = models::resolve_model(flags.model);
  // An adapter stays beside the weights, as it is in training.
  const auto attach = [&](torch::nn::Module& module) {
    if (engine::is_adapter_folder(folder)) engine::attach_adapter_folder(module, folder);
  };
  const nn::NamedTensors outputs =
      models::probe_model(engine::base_folder(folder), input, nn::parse_dtype(flags.dtype), attach);
  end_at_first_signal(false);  // or a half written file would stay
  nn::save_safetensors(flags.out, outputs);
}

}  // namespace

void add_inspect_logits(CLI::App& inspect) {
  CLI::App& command =
      add_nested_command(inspect, "logits", "One forward pass; writes its outputs as safetensors");
  auto flags = bind_config<LogitsFlags>(command);
  on_run(command, [flags] { inspect_logits(*flags); });
}

}  // namespace vragent::tools
