// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include <iostream>

#include "bind_config.h"
#include "commands.h"
#include "vragent/models/hf_folder.h"
#include "vragent/models/probe.h"
#include "vragent/nn/device.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::tools {
namespace {

struct LogitsFlags {
  std::string model;
  std::filesystem::path ids;
  std::vector<std::filesystem::path> images;
  std::string dtype = "float32";
  std::filesystem::path out;

  void visit(auto& v) {
    v("model", model, "checkpoint folder, or org/name in the local cache");
    v("ids", ids, "JSON file: one list of token ids, or a list of lists");
    v("images", images, "image files, in the order of their places");
    v("dtype", dtype, "float32 or bfloat16");
    v("out", out, "safetensors file to write");
  }
};

std::vector<std::vector<std::int64_t>> read_ids(const std::filesystem::path& path) {
  if (path.empty()) return {};
  const Json list = parse_json(read_file(path), path.string());
  try {
    if (list.is_array() && !list.empty() && list[0].is_array())
      return list.get<std::vector<std::vector<std::int64_t>>>();
    return {list.get<std::vector<std::int64_t>>()};
  } catch (const Json::exception&) {
    throw DataError(path.string() + ": a list of token ids (or of such lists) is wanted");
  }
}

void inspect_logits(const LogitsFlags& flags) {
  check_given("model", flags.model);
  check_given("out", flags.out);
  models::ProbeInput input{.ids = read_ids(flags.ids)};
  for (const auto& path : flags.images) input.images.push_back(media::read_image(path));
  nn::save_safetensors(
      flags.out,
      models::probe_model(models::resolve_model(flags.model), input, nn::parse_dtype(flags.dtype)));
}

}  // namespace

void add_inspect(CLI::App& app) {
  CLI::App* inspect = app.add_subcommand("inspect", "Look into a checkpoint");
  auto model = std::make_shared<std::string>();
  auto json = add_json_flag(*inspect);
  inspect->add_option("--model", *model, "checkpoint folder, or org/name in the local cache");
  inspect->require_subcommand(0, 1);
  inspect->final_callback([inspect, model, json] {
    if (!inspect->get_subcommands().empty()) return;
    check_given("model", *model);
    const Table table = models::describe_model(models::resolve_model(*model));
    std::cout << (*json ? to_json(table) + "\n" : to_text(table));
  });

  CLI::App* logits =
      inspect->add_subcommand("logits", "One forward pass; writes its outputs as safetensors");
  logits->fallthrough(false);
  auto flags = bind_config<LogitsFlags>(*logits);
  logits->final_callback([flags] { inspect_logits(*flags); });
}

}  // namespace vragent::tools
