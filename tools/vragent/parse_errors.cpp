// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "parse_errors.h"

#include <vector>

#include "command.h"
#include "vragent/util/config.h"

namespace vragent::tools {
namespace {

/// The innermost command that was named.
const CLI::App& innermost(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? app : innermost(*named.back());
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::vector<std::string> flag_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* nested : command.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(nested->get_name());
  }
  return names;
}

/// "; values of --m are separated by commas" where a list was given: a word too many may be of it.
std::string list_advice(const CLI::App& command) {
  std::string names;
  for (const CLI::Option* option : command.get_options()) {
    if (is_list(*option) && option->count() > 0)
      names += (names.empty() ? "" : ", ") + option->get_name();
  }
  return names.empty() ? "" : "; values of " + names + " are separated by commas";
}

/// "unknown flag --agnt; did you mean --agent?"
std::string unknown_word(const std::string& word, const CLI::App& command) {
  const bool is_flag = word.starts_with('-');
  const bool has_nested = !command_names(command).empty();
  const std::string near =
      nearest_name(is_flag ? flag_names(command) : command_names(command), word);
  const std::string kind = is_flag      ? "unknown flag "
                           : has_nested ? "unknown command "
                                        : "unexpected argument ";
  const std::string advice = is_flag || has_nested ? "" : list_advice(command);
  return kind + word + (near.empty() || near == word ? advice : "; did you mean " + near + "?");
}

/// What the parser says, in the words of our own messages.
std::string reason(const CLI::ParseError& error) {
  std::string text = error.what();
  const std::string name = error.get_name();
  if (name == "ExcludesError") return text + ": they say the same, give one of them";
  if (text.find(": At Most 1 ") != std::string::npos)
    return text.substr(0, text.find(':')) + " is given too often";
  const auto flag = text.find("--");
  if (name == "ConversionError" && flag != std::string::npos)
    return "cannot read " + text.substr(flag);
  if (const auto at = text.find("subcommand"); at != std::string::npos) text.erase(at, 3);
  return text;
}

}  // namespace

std::string describe(const CLI::ParseError& error, const CLI::App& app) {
  const CLI::App& command = innermost(app);
  const std::vector<std::string> rest = app.remaining(true);
  std::string line = full_name(command) + ": ";
  line += rest.empty() ? reason(error) : unknown_word(rest.front(), command);
  return line + " (see " + full_name(command) + " --help)";
}

}  // namespace vragent::tools
