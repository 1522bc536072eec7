// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A config's visit() becomes flags: --config FILE first, so that flags override the file in either
// order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "vragent/util/config.h"

namespace vragent::tools {

/// Adds --config and one flag an option to a command. The options must point into a config that
/// outlives it.
void bind_options(CLI::App& command, const std::vector<Option>& options);

/// Adds the flags of `config`, which is kept alive by the returned pointer's owner (the command's
/// callback).
template <class Config>
std::shared_ptr<Config> bind_config(CLI::App& command, Config initial = {}) {
  auto config = std::make_shared<Config>(std::move(initial));
  bind_options(command, options_of(*config));
  return config;
}

/// Adds positional arguments that join the files which a flag gave. `files` must outlive the
/// command.
void add_files(CLI::App& command, const std::string& name, std::vector<std::string>& files);

/// Adds -v and -q, which set the level of the log.
void add_verbosity(CLI::App& app);

/// Makes a nested command deaf to its parent's flags, but for -v and -q.
void keep_apart(CLI::App& nested);

/// Adds --json: results on stdout as JSON.
std::shared_ptr<bool> add_json_flag(CLI::App& command);

}  // namespace vragent::tools
