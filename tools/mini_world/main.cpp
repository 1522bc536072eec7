// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// Writes the embedded demo's data: a small world with known truth. See each sub-command's --help.
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "mini_world/check.h"
#include "mini_world/corpus.h"
#include "mini_world/dataset.h"
#include "mini_world/flags.h"
#include "mini_world/teacher.h"
#include "mini_world/tiny_models.h"
#include "vragent/util/error.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"
#include "vragent/util/progress.h"
#include "vragent/util/table.h"

namespace mini_world {
namespace {

/// Adds a sub-command whose flags are those of `Config` and which then calls `work(config)`.
template <class Config, class Work>
CLI::App& add_command(CLI::App& app, const char* name, const char* help, Work work) {
  CLI::App& command = *app.add_subcommand(name, help);
  auto config = std::make_shared<Config>();
  bind_flags(command, *config);
  command.final_callback([config, work] { work(*config); });
  return command;
}

void make(const DatasetConfig& config) {
  const vragent::Stopwatch watch;
  const DatasetCounts counts = make_dataset(config);
  vragent::log::info("made items={} users={} interactions={} seconds={:.1f} out={}",
                     counts.items,
                     counts.users,
                     counts.interactions,
                     watch.seconds(),
                     config.out);
}

void corpus(const CorpusConfig& config) {
  const vragent::Stopwatch watch;
  const CorpusCounts counts = make_corpus(config);
  vragent::log::info("corpus frames={} clip_pairs={} stage1={} stage2={} people={} texts={}",
                     counts.frames,
                     counts.clip_pairs,
                     counts.stage1,
                     counts.stage2,
                     counts.people,
                     counts.texts);
  vragent::log::info("corpus seconds={:.1f} out={}", watch.seconds(), config.out);
}

void print(const std::vector<vragent::Table>& tables, bool as_json) {
  std::string text = as_json ? vragent::to_json(tables) + "\n" : "";
  if (!as_json) {
    for (const vragent::Table& table : tables) text += vragent::to_text(table) + "\n";
  }
  std::fputs(text.c_str(), stdout);
}

void add_commands(CLI::App& app) {
  add_command<DatasetConfig>(app, "make", "Write the data set, its videos and its truth", make);
  add_command<CorpusConfig>(app, "corpus", "Write the generic corpora of the tiny models", corpus);
  add_command<TinyModelsConfig>(
      app, "models", "Write the tiny models before training", make_tiny_models);
  add_command<TeacherConfig>(
      app, "teach", "Write demonstrations for the user agent", [](const TeacherConfig& config) {
        vragent::log::info("taught cases={} out={}", teach(config), config.out);
      });
  auto as_json = std::make_shared<bool>(false);
  CLI::App& check = add_command<CheckConfig>(
      app,
      "check",
      "Measure key frames and captions against the truth",
      [as_json](const CheckConfig& config) { print(check_world(config), *as_json); });
  check.add_flag("--json", *as_json, "print JSON");
}

}  // namespace

/// Parses the command line and does what it says. @return the exit code
int run(int argc, char** argv) {
  CLI::App app("Writes the data of vragent's embedded demo: a small world with known truth.");
  app.require_subcommand(1);
  add_commands(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(vragent::ExitCode::kUsage);
  }
  return 0;
}

}  // namespace mini_world

int main(int argc, char** argv) {
  vragent::install_interrupt_handlers();
  try {
    return mini_world::run(argc, argv);
  } catch (const vragent::Error& error) {
    vragent::log::error("{}", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    vragent::log::error("bug: {}", error.what());
    return static_cast<int>(vragent::ExitCode::kInternal);
  }
}
