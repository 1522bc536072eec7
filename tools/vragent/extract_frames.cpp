// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "printing.h"
#include "vragent/data/run_dir.h"
#include "vragent/perception/frame_extraction.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::tools {

void add_extract_frames(CLI::App& app) {
  CLI::App& command = add_command(
      app, "extract-frames", "Sample frames of videos, score them with CLIP, mark key frames");
  auto config = bind_config<perception::ExtractConfig>(command);
  auto json = add_json_flag(command);
  on_run(command, [config, json] {
    const perception::ExtractReport report = perception::extract_frames(*config);
    print_counts({{"done", report.done},
                  {"failed", report.failed},
                  {"kept", report.kept},
                  {"frames", report.frames}},
                 *json,
                 "videos");
    if (report.failed > 0) {
      throw Error(ExitCode::kSomeFailed,
                  formatted("{} of {} videos failed; {} says why",
                            report.failed,
                            report.done + report.failed,
                            config->out / data::kFramesFile));
    }
  });
}

}  // namespace vragent::tools
