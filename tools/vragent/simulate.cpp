// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"
#include "commands.h"
#include "model_sampling.h"
#include "printing.h"
#include "vragent/engine/chat_backends.h"
#include "vragent/simulator/agents/simulation.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::tools {
namespace {

namespace agents = simulator::agents;

OrderedJson counts_of(const agents::AgentRun& run) {
  return {{"agent", run.agent},
          {"decided", run.report.num_decided},
          {"kept", run.report.num_kept},
          {"unanswered", run.report.num_unanswered},
          {"failed", run.report.num_failed}};
}

void print_report(const agents::SimulateReport& report, bool as_json) {
  OrderedJson list = OrderedJson::array();
  for (const agents::AgentRun& run : report.agents) list.push_back(counts_of(run));
  if (as_json) {
    print_counts({{"cases", report.num_cases}, {"cases_hash", report.cases_hash}, {"agents", list}},
                 true);
    return;
  }
  for (const OrderedJson& counts : list) print_counts(counts, false);
}

void log_report(const agents::SimulateReport& report) {
  for (const agents::AgentRun& run : report.agents) {
    log::info("cases={} {}", report.num_cases, line_of(counts_of(run)));
  }
}

void check_calls(const agents::SimulateReport& report) {
  for (const agents::AgentRun& run : report.agents) {
    if (run.report.num_failed == 0) continue;
    throw Error(ExitCode::kSomeFailed,
                formatted("{} of {} calls of {} failed; the field error of its decisions says why",
                          run.report.num_failed,
                          run.report.num_decided,
                          run.agent));
  }
}

}  // namespace

void add_simulate(CLI::App& app) {
  CLI::App& command =
      add_command(app, "simulate", "Let simulated users, or controls, decide cases");
  auto config = std::make_shared<agents::SimulateConfig>();
  const IsGiven is_given = bind_options(command, options_of(*config));
  add_file(command, "CASES", "--cases", config->cases);
  auto json = add_json_flag(command);
  on_run(command, [config, is_given, json] {
    if (config->model_sampling && config->backend.backend == "native")
      take_model_sampling(config->backend.model, "", is_given, config->ask.sampling);
    const agents::SimulateReport report = agents::simulate(*config, engine::make_chat_model);
    if (config->out == "-") {
      log_report(report);
    } else {
      print_report(report, *json);
    }
    check_calls(report);
  });
}

}  // namespace vragent::tools
