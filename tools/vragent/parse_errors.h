// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What is said about a command line that cannot be understood: one line, with the nearest flag or
// command.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace vragent::tools {

/// The line for an error of app.parse().
std::string describe(const CLI::ParseError& error, const CLI::App& app);

}  // namespace vragent::tools
