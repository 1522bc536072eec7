// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/config.h"

#include <algorithm>
#include <numeric>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"

namespace vragent {
namespace {

void flatten(const Json& object,
             const std::string& prefix,
             const std::vector<Option>& options,
             std::vector<std::pair<std::string, const Json*>>& leaves) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix + key;
    const bool is_group = std::any_of(options.begin(), options.end(), [&](const Option& option) {
      return option.name.starts_with(name + ".");
    });
    if (is_group && value.is_object()) {
      flatten(value, name + ".", options, leaves);
    } else {
      leaves.emplace_back(name, &value);
    }
  }
}

/// Writes a JSON value into one field; false when the type does not fit.
struct Assign {
  const Json& value;

  bool operator()(bool* target) const {
    if (!value.is_boolean()) return false;
    *target = value.get<bool>();
    return true;
  }

  bool operator()(std::int64_t* target) const {
    if (!value.is_number_integer()) return false;
    *target = value.get<std::int64_t>();
    return true;
  }

  bool operator()(double* target) const {
    if (!value.is_number()) return false;
    *target = value.get<double>();
    return true;
  }

  bool operator()(std::string* target) const {
    if (!value.is_string()) return false;
    *target = value.get<std::string>();
    return true;
  }

  bool operator()(std::filesystem::path* target) const {
    if (!value.is_string()) return false;
    *target = value.get<std::string>();
    return true;
  }

  template <class T>
  bool operator()(std::vector<T>* target) const {
    if (!value.is_array()) return false;
    std::vector<T> items(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!Assign{value[i]}(&items[i])) return false;
    }
    *target = std::move(items);
    return true;
  }
};

struct TypeName {
  std::string operator()(const bool*) const { return "true or false"; }

  std::string operator()(const std::int64_t*) const { return "a whole number"; }

  std::string operator()(const double*) const { return "a number"; }

  std::string operator()(const std::string*) const { return "a string"; }

  std::string operator()(const std::filesystem::path*) const { return "a path"; }

  template <class T>
  std::string operator()(const std::vector<T>*) const {
    return "a list, each item " + TypeName{}(static_cast<const T*>(nullptr));
  }
};

struct ToJson {
  OrderedJson operator()(const std::filesystem::path* value) const { return value->string(); }

  OrderedJson operator()(const std::vector<std::filesystem::path>* value) const {
    OrderedJson list = OrderedJson::array();
    for (const auto& path : *value) list.push_back(path.string());
    return list;
  }

  template <class T>
  OrderedJson operator()(const T* value) const {
    return *value;
  }
};

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(const std::vector<std::string>& known, const std::string& name) {
  std::string best;
  // Below this distance a name is near; two letters swapped ("titel") are two edits.
  std::size_t best_distance = name.size() < 4 ? 2 : std::max<std::size_t>(name.size() / 2, 3);
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(candidate, name);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string nearest_option(const std::vector<Option>& options, const std::string& name) {
  std::vector<std::string> known;
  for (const Option& option : options) known.push_back(option.name);
  return nearest_name(known, name);
}

std::vector<std::string> apply_json(const std::vector<Option>& options,
                                    const std::string& json_text,
                                    const std::string& where) {
  Json root;
  try {
    root = parse_json_object(json_text, where);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
  // A run folder's effective_config.json holds the options of its command beside its name.
  if (root.contains("command") && root.contains("config") && root["config"].is_object()) {
    Json config = root["config"];
    root = std::move(config);
  }
  std::vector<std::pair<std::string, const Json*>> leaves;
  flatten(root, "", options, leaves);
  std::vector<std::string> names;
  for (const auto& [name, value] : leaves) {
    const auto option = std::find_if(
        options.begin(), options.end(), [&name = name](const Option& o) { return o.name == name; });
    if (option == options.end()) {
      const std::string near = nearest_option(options, name);
      throw ConfigError(formatted("{}: unknown key \"{}\"{}",
                                  where,
                                  name,
                                  near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    }
    const bool fits = std::visit([&value = value](auto* target) { return Assign{*value}(target); },
                                 option->target);
    if (!fits) {
      throw ConfigError(formatted("{}: key \"{}\" wants {}, got {}",
                                  where,
                                  name,
                                  std::visit(TypeName{}, option->target),
                                  dump_json(*value)));
    }
    names.push_back(name);
  }
  return names;
}

std::vector<std::string> apply_json_file(const std::vector<Option>& options,
                                         const std::filesystem::path& path) {
  return apply_json(options, read_file(path), path.string());
}

std::string to_json(const std::vector<Option>& options) {
  OrderedJson root = OrderedJson::object();
  for (const Option& option : options) {
    OrderedJson* node = &root;
    std::string_view rest = option.name;
    for (auto dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      node = &(*node)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
    }
    (*node)[std::string(rest)] = std::visit(ToJson{}, option.target);
  }
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const OptionTarget& target) {
  const OrderedJson value = std::visit(ToJson{}, target);
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string joined;
  for (const auto& item : value) {
    if (!joined.empty()) joined += ",";
    joined += item.is_string() ? item.get<std::string>() : item.dump();
  }
  return joined;
}

void check_one_of(std::string_view name,
                  const std::string& value,
                  const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  std::string list;
  for (const std::string& item : allowed) list += (list.empty() ? "" : ", ") + item;
  throw ConfigError(formatted("--{} must be one of {}; got \"{}\"", name, list, value));
}

void check_range(std::string_view name, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw ConfigError(formatted("--{} must be in [{:g}, {:g}]; got {:g}", name, low, high, value));
}

void check_given(std::string_view name, const std::filesystem::path& value) {
  if (value.empty()) throw ConfigError(formatted("--{} is required", name));
}

std::string with_group(std::string_view group, const std::string& message) {
  if (!message.starts_with("--")) return message;
  return formatted("--{}.{}", group, message.substr(2));
}

}  // namespace vragent
