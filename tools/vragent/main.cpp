// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// vragent: builds the commands, parses, maps errors to exit codes and one line on stderr.
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include <CLI/CLI.hpp>

#include "command.h"
#include "commands.h"
#include "parse_errors.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/version.h"

namespace {

int fail(vragent::ExitCode code, const std::string& message) {
  std::cerr << "vragent: " << message << "\n";
  return static_cast<int>(code);
}

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
    return std::cout.flush() ? code : fail(vragent::ExitCode::kIo, "stdout: cannot write");
  } catch (const CLI::ParseError& error) {
    std::cerr << vragent::tools::describe(error, app) << "\n";
    return static_cast<int>(vragent::ExitCode::kUsage);
  }
  if (!std::cout.flush()) return fail(vragent::ExitCode::kIo, "stdout: cannot write");
  return static_cast<int>(vragent::ExitCode::kOk);
}

}  // namespace

int main(int argc, char** argv) {
  vragent::install_interrupt_handlers();
  try {
    return run(argc, argv);
  } catch (const vragent::Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(vragent::ExitCode::kIo, error.path1().string() + ": " + error.code().message());
  } catch (const std::bad_alloc&) {
    return fail(vragent::ExitCode::kInternal, "out of memory");
  } catch (const std::exception& error) {
    const std::string text = error.what();  // torch adds a stack trace behind the first lines
    return fail(vragent::ExitCode::kInternal,
                "internal error: " + text.substr(0, text.find("\nException raised")));
  }
}
