// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Configuration from one list. A stage has one struct whose visit() names each field once:
//
//   struct SftConfig {
//     int64_t steps = 100;
//     OptimConfig optim;                      // nested: flags --optim.lr, JSON {"optim": {"lr":
//     ...}} void visit(auto& v) { v("steps", steps, "optimiser steps"); v("optim", optim, ""); }
//     void check() const;                     // throws ConfigError naming the field
//   };
//
// From that list come the JSON reader, the flags with help and default, and the echo in the run
// folder.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vragent/util/error.h"

namespace vragent {

/// Where an option's value lives. Booleans become --flag / --no-flag; an empty string or path means
/// "not given".
using OptionTarget = std::variant<bool*,
                                  std::int64_t*,
                                  double*,
                                  std::string*,
                                  std::filesystem::path*,
                                  std::vector<std::int64_t>*,
                                  std::vector<double>*,
                                  std::vector<std::string>*,
                                  std::vector<std::filesystem::path>*>;

/// One field of a config: its dotted name ("optim.lr"), where it lives, its help text.
struct Option {
  std::string name;
  OptionTarget target;
  std::string help;
};

/// Collects the fields of a config, nested ones with their prefix. Passed to visit().
class OptionCollector {
 public:
  template <class Field>
  void operator()(std::string_view name, Field& field, std::string_view help) {
    const std::string full = prefix_ + std::string(name);
    if constexpr (requires { field.visit(*this); }) {
      const std::string outer = std::exchange(prefix_, full + ".");
      field.visit(*this);
      prefix_ = outer;
    } else {
      options_.push_back({full, OptionTarget(&field), std::string(help)});
    }
  }

  [[nodiscard]] const std::vector<Option>& options() const { return options_; }

 private:
  std::string prefix_;
  std::vector<Option> options_;
};

/// The fields of `config`, in visit() order; they point into it, so it must outlive them.
template <class Config>
std::vector<Option> options_of(Config& config) {
  OptionCollector collector;
  config.visit(collector);
  return collector.options();
}

/// Sets fields from a JSON object. Unknown keys and wrong types (3.7 for an integer among them) are
/// refused.
/// @param where  named in errors, for example the file's path
/// @return the names of the options that were set
/// @throws ConfigError naming the key, with the nearest known one
std::vector<std::string> apply_json(const std::vector<Option>& options,
                                    const std::string& json_text,
                                    const std::string& where);

/// Reads a --config file with apply_json(). @throws Error (66) when it cannot be read
std::vector<std::string> apply_json_file(const std::vector<Option>& options,
                                         const std::filesystem::path& path);

/// The effective values as a JSON object, nested as the config is, indented by two.
std::string to_json(const std::vector<Option>& options);

/// The value as the flag's help shows it ("" for an empty one).
std::string to_text(const OptionTarget& target);

/// The known name nearest to a misspelt one by edit distance, or "" when none is near.
std::string nearest_name(const std::vector<std::string>& known, const std::string& name);

/// The same among the names of options.
std::string nearest_option(const std::vector<Option>& options, const std::string& name);

/// @throws ConfigError "--NAME must be one of a, b, c, got VALUE" unless value is among them
void check_one_of(std::string_view name,
                  const std::string& value,
                  const std::vector<std::string>& allowed);

/// @throws ConfigError "--NAME must be in [low, high], got VALUE" unless it is
void check_range(std::string_view name, double value, double low, double high);

/// @throws ConfigError "--NAME is required" when the path or text is empty
void check_given(std::string_view name, const std::filesystem::path& value);

/// The message of a nested config's check() with its group in front: "--type must ..." becomes
/// "--loss.type must ...".
std::string with_group(std::string_view group, const std::string& message);

/// nested.check(), its errors naming the flags as the command has them.
template <class Config>
void check_group(std::string_view group, const Config& nested) {
  try {
    nested.check();
  } catch (const ConfigError& error) {
    throw ConfigError(with_group(group, error.what()));
  }
}

}  // namespace vragent
