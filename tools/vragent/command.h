// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What a command is made of: its place, its flags, the work it does. The command line's library
// stays behind this header, so that a command is quick to compile.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vragent/util/config.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace vragent::tools {

/// Adds a command, or a group of them, below `parent`.
CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& help);

/// Adds a command that is deaf to its parent's flags, but for -v and -q; the parent still does its
/// own work where no nested command is named.
CLI::App& add_nested_command(CLI::App& parent, const std::string& name, const std::string& help);

/// Makes a group ask for one of its commands.
void require_command(CLI::App& group);

/// What the command does once its line is read, unless a command nested in it was named.
void on_run(CLI::App& command, std::function<void()> work);

/// Text below the flags in --help.
void add_footer(CLI::App& command, const std::string& text);

/// Whether a flag or the --config file gave an option; known once the line is read.
using IsGiven = std::function<bool(const std::string& name)>;

/// Adds --config FILE and one flag an option to a command; flags override the file in either order.
/// The options must point into a config that outlives the command.
IsGiven bind_options(CLI::App& command, const std::vector<Option>& options);

/// Adds the flags of a config, which lives as long as the pointer (held by the command's work).
template <class Config>
std::shared_ptr<Config> bind_config(CLI::App& command, Config initial = {}) {
  auto config = std::make_shared<Config>(std::move(initial));
  bind_options(command, options_of(*config));
  return config;
}

/// Whether a flag takes values that commas separate.
bool is_list(const CLI::Option& option);

/// Adds a positional argument that says the same as a flag, which must be there; both together are
/// refused. `value` must outlive the command.
void add_file(CLI::App& command,
              const std::string& name,
              const std::string& flag,
              std::filesystem::path& value);

/// Adds positional arguments that join the files which a flag gave. `files` must outlive the
/// command.
void add_files(CLI::App& command, const std::string& name, std::vector<std::string>& files);

/// Adds -v and -q, which set the level of the log.
void add_verbosity(CLI::App& app);

/// Adds --json: results on stdout as JSON.
std::shared_ptr<bool> add_json_flag(CLI::App& command);

}  // namespace vragent::tools
