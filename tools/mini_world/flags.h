// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The flags of a sub-command from its config's visit().
#pragma once

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "vragent/util/config.h"

namespace mini_world {

/// Adds --NAME for each field, with its help text and its default; booleans become --NAME,
/// --no-NAME. `config` must outlive the parse.
template <class Config>
void bind_flags(CLI::App& command, Config& config) {
  for (const vragent::Option& option : vragent::options_of(config)) {
    const std::string flag = "--" + option.name;
    std::visit(
        [&](auto* target) {
          using Target = std::remove_pointer_t<decltype(target)>;
          if constexpr (std::is_same_v<Target, bool>) {
            command.add_flag(flag + ",!--no-" + option.name, *target, option.help);
          } else {
            CLI::Option* added = command.add_option(flag, *target, option.help);
            added->default_str(vragent::to_text(option.target));
            if constexpr (std::is_same_v<Target, std::vector<double>>) added->delimiter(',');
          }
        },
        option.target);
  }
}

}  // namespace mini_world
