// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "model_sampling.h"
#include "printing.h"
#include "vragent/data/run_dir.h"
#include "vragent/engine/native_chat.h"
#include "vragent/models/hf_folder.h"
#include "vragent/perception/ip_agent.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::tools {

void add_ip_caption(CLI::App& app) {
  CLI::App& command =
      add_command(app, "ip-caption", "Describe videos for a recommender: perceive, then rewrite");
  auto config = std::make_shared<perception::IpCaptionConfig>();
  const IsGiven is_given = bind_options(command, options_of(*config));
  auto json = add_json_flag(command);
  on_run(command, [config, is_given, json] {
    config->check();
    if (config->model_sampling)
      take_model_sampling(config->model, "sampling.", is_given, config->captioner.sampling);
    check_given("model", config->model);
    nn::prepare_torch(config->runtime);
    engine::NativeChat model(models::resolve_model(config->model),
                             nn::parse_dtype(config->runtime.dtype),
                             nn::parse_device(config->runtime.device));
    if (!model.sees_images())
      throw DataError(formatted("{}: this model sees no images; a qwen2_5_vl folder is needed",
                                models::resolve_model(config->model) / "config.json"));
    const perception::IpCaptionReport report = perception::caption_catalogue(*config, model);
    print_counts({{"done", report.done}, {"failed", report.failed}, {"kept", report.kept}},
                 *json,
                 "captions");
    if (report.failed > 0) {
      throw Error(ExitCode::kSomeFailed,
                  formatted("{} of {} videos have no caption; {} says why",
                            report.failed,
                            report.done + report.failed,
                            config->out / data::kCaptionsFile));
    }
  });
}

}  // namespace vragent::tools
