// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "command.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "vragent/util/error.h"
#include "vragent/util/log.h"
#include "vragent/util/text.h"

namespace vragent::tools {
namespace {

constexpr char kListDelimiter = ',';

/// A whole number, and no other text: none is cut or rounded into one.
std::string check_integer(const std::string& text) {
  return parse_integer(text) ? "" : "wants a whole number, got " + text;
}

/// Binds one field to a flag of its type.
struct Bind {
  CLI::App& command;
  const Option& option;

  void operator()(bool* value) const {
    command.add_flag("--" + option.name + ",!--no-" + option.name,
                     *value,
                     option.help + (*value ? " (on)" : ""));
  }

  void operator()(std::int64_t* value) const {
    show_default(command.add_option("--" + option.name, *value, option.help)
                     ->check(CLI::Validator(check_integer, "")));
  }

  template <class T>
  void operator()(T* value) const {
    show_default(command.add_option("--" + option.name, *value, option.help));
  }

  template <class T>
  void operator()(std::vector<T>* value) const {
    // One argument a flag, or a list would swallow the positional "-" behind it.
    show_default(command.add_option("--" + option.name, *value, option.help)
                     ->delimiter(kListDelimiter)
                     ->allow_extra_args(false));
  }

  void show_default(CLI::Option* added) const {
    const std::string text = to_text(option.target);
    if (!text.empty()) added->default_str(text);
  }
};

/// The usual help, but for the "{false}" behind flags that have a --no- form, and for lists, whose
/// values commas separate.
struct HelpText : CLI::Formatter {
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    const std::string mark = "{false}";
    const auto at = name.find(mark);
    return at == std::string::npos ? name : name.erase(at, mark.size());
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = CLI::Formatter::make_option_opts(option);
    const auto at = text.rfind(" ...");
    return !is_list(*option) || at == std::string::npos ? text : text.replace(at, 1, ",");
  }
};

/// A flag of the outer command would be lost where a nested one does the work.
void refuse_flags_before(const CLI::App& nested, const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    throw ConfigError(option->get_name() + " stands before " + nested.get_name() + " of " +
                      command.get_name() + ": write it behind");
  }
}

}  // namespace

bool is_list(const CLI::Option& option) {
  return option.get_delimiter() == kListDelimiter;
}

CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& help) {
  CLI::App& command = *parent.add_subcommand(name, help);
  command.formatter(std::make_shared<HelpText>());
  return command;
}

CLI::App& add_nested_command(CLI::App& parent, const std::string& name, const std::string& help) {
  parent.require_subcommand(0, 1);
  CLI::App& command = add_command(parent, name, help);
  command.fallthrough(false);
  add_verbosity(command);
  command.preparse_callback([&](std::size_t) { refuse_flags_before(command, parent); });
  return command;
}

void require_command(CLI::App& group) {
  group.require_subcommand(1);
}

void on_run(CLI::App& command, std::function<void()> work) {
  command.final_callback([&command, work = std::move(work)] {
    if (command.get_subcommands().empty()) work();
  });
}

void add_footer(CLI::App& command, const std::string& text) {
  command.footer(text);
}

IsGiven bind_options(CLI::App& command, const std::vector<Option>& options) {
  auto in_file = std::make_shared<std::vector<std::string>>();
  command.add_option_function<std::string>(
      "--config",
      [options, in_file](const std::string& path) { *in_file = apply_json_file(options, path); },
      "JSON file with any of these options; flags override it");
  for (const Option& option : options) std::visit(Bind{command, option}, option.target);
  return [&command, in_file](const std::string& name) {
    return command.get_option("--" + name)->count() > 0 ||
           std::find(in_file->begin(), in_file->end(), name) != in_file->end();
  };
}

void add_file(CLI::App& command,
              const std::string& name,
              const std::string& flag,
              std::filesystem::path& value) {
  command.add_option(name, value, "the same as " + flag)->excludes(command.get_option(flag));
}

void add_files(CLI::App& command, const std::string& name, std::vector<std::string>& files) {
  command.add_option_function<std::vector<std::string>>(
      name,
      [&files](const std::vector<std::string>& given) {
        files.insert(files.end(), given.begin(), given.end());
      },
      "added to those of the flag");
}

void add_verbosity(CLI::App& app) {
  app.add_flag_callback(
      "-v,--verbose", [] { log::set_level(log::Level::kDebug); }, "say more");
  app.add_flag_callback(
      "-q,--quiet", [] { log::set_level(log::Level::kError); }, "say errors only");
}

std::shared_ptr<bool> add_json_flag(CLI::App& command) {
  auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "results on stdout as JSON");
  return json;
}

}  // namespace vragent::tools
