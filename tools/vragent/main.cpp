// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// vragent: builds the commands, parses, maps errors to exit codes and one line on stderr.
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "command.h"
#include "commands.h"
#include "failure.h"
#include "parse_errors.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/version.h"

namespace {

using vragent::tools::report;

const vragent::tools::Failure kNoStdout = {vragent::ExitCode::kIo, "stdout: cannot write"};

int run(int argc, char** argv) {
  CLI::App app("VRAgent-R1: video recommendation with language model agents, from videos to tables",
               "vragent");
  app.set_version_flag("--version", std::string("vragent ") + std::string(vragent::kVersion));
  app.require_subcommand(1);
  app.fallthrough();
  vragent::tools::add_verbosity(app);
  vragent::tools::add_extract_frames(app);
  vragent::tools::add_ip_caption(app);
  vragent::tools::add_train_sasrec(app);
  vragent::tools::add_sft(app);
  vragent::tools::add_grpo_train(app);
  vragent::tools::add_simulate(app);
  vragent::tools::add_eval(app);
  vragent::tools::add_inspect(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    const int code = app.exit(success);
    return std::cout.flush() ? code : report(kNoStdout);
  } catch (const CLI::ParseError& error) {
    std::cerr << vragent::tools::describe(error, app) << "\n";
    return static_cast<int>(vragent::ExitCode::kUsage);
  }
  if (!std::cout.flush()) return report(kNoStdout);
  return static_cast<int>(vragent::ExitCode::kOk);
}

}  // namespace

int main(int argc, char** argv) {
  vragent::install_interrupt_handlers();
  try {
    return run(argc, argv);
  } catch (const std::exception&) {
    return report(vragent::tools::current_failure());
  }
}
