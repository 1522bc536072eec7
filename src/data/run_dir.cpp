// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/data/run_dir.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/json.h"
#include "vragent/util/random.h"
#include "vragent/util/sha256.h"
#include "vragent/util/text.h"
#include "vragent/util/version.h"

namespace vragent::data {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxStem =
    120;  // leaves room for suffixes below the 255 bytes of most systems

/// Leaves of a config by dotted name, sorted.
void flatten(const Json& object, const std::string& prefix, std::map<std::string, Json>& leaves) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      flatten(value, prefix + key + ".", leaves);
    } else {
      leaves[prefix + key] = value;
    }
  }
}

std::map<std::string, Json> leaves_of(const Json& config) {
  std::map<std::string, Json> leaves;
  flatten(config, "", leaves);
  return leaves;
}

std::string shown(const std::map<std::string, Json>& leaves, const std::string& key) {
  const auto found = leaves.find(key);
  return found == leaves.end() ? "not there" : dump_json(found->second);
}

bool is_path(const Option& option) {
  return std::holds_alternative<fs::path*>(option.target) ||
         std::holds_alternative<std::vector<fs::path>*>(option.target);
}

/// Whether two paths, or two lists of them, name the same files however they are spelt.
bool same_files(const Json& a, const Json& b) {
  if (a.is_string() && b.is_string()) {
    const auto whole = [](const Json& x) {
      const auto text = x.get<std::string>();
      const fs::path path = text.empty() ? fs::path() : fs::weakly_canonical(text);
      return path.has_filename() ? path : path.parent_path();  // without a "/" at the end
    };
    return a == b || whole(a) == whole(b);
  }
  if (!a.is_array() || !b.is_array() || a.size() != b.size()) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), same_files);
}

std::vector<fs::path> paths_of(const Option& option) {
  if (const auto* path = std::get_if<fs::path*>(&option.target)) return {**path};
  return *std::get<std::vector<fs::path>*>(option.target);
}

/// Digests of a file's parts, digested.
std::string content_hash(const fs::path& path) {
  constexpr std::size_t kPart = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ExitCode::kNoInput, formatted("{}: cannot be read", path));
  std::string digests;
  std::string part(kPart, '\0');
  while (file.read(part.data(), kPart) || file.gcount() > 0)
    digests += sha256(std::string_view(part).substr(0, static_cast<std::size_t>(file.gcount())));
  if (file.bad()) throw Error(ExitCode::kIo, formatted("{}: reading failed", path));
  return sha256(digests);
}

/// The files that a flag's path stands for and whose content is noted.
std::vector<fs::path> noted_files(const fs::path& path) {
  if (fs::is_regular_file(path)) return {path};
  std::vector<fs::path> files;
  for (const std::string_view name :
       {kFramesFile, kCaptionsFile, kValidTopKFile, kCasesFile, kDecisionsFile}) {
    if (fs::is_regular_file(path / name)) files.push_back(path / name);
  }
  return files;
}

/// Whether a run has done nothing there yet.
bool is_bare(const fs::path& run_folder) {
  return std::all_of(
      fs::directory_iterator(run_folder), fs::directory_iterator(), [](const auto& entry) {
        const std::string name = entry.path().filename().string();
        return name == kEffectiveConfigFile || name == kInputsFile || name.starts_with('.');
      });
}

bool is_plain(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

void write_effective_config(const fs::path& run_folder,
                            const std::string& command,
                            const std::string& config_json) {
  OrderedJson object;
  object["command"] = command;
  object["version"] = kVersion;
  object["config"] = OrderedJson::parse(config_json);
  write_file(run_folder / kEffectiveConfigFile, object.dump(2) + "\n");
}

void check_same_config(const fs::path& run_folder,
                       const std::vector<Option>& options,
                       const std::vector<Option>& defaults,
                       std::string_view may_differ) {
  const fs::path path = run_folder / kEffectiveConfigFile;
  if (!fs::exists(path)) return;
  const Json object = parse_json_object(read_file(path), path.string());
  const JsonRecord record(object, path.string());
  const auto written = leaves_of(record.object("config"));
  const auto now = leaves_of(parse_json_object(to_json(options), "the effective configuration"));
  auto before = written;
  before.merge(leaves_of(parse_json_object(to_json(defaults), "the defaults")));
  std::vector<std::string> paths;
  for (const Option& option : options) {
    if (is_path(option)) paths.push_back(option.name);
  }
  const auto ignored = split(may_differ, ',');
  for (const auto& [key, old] : before) {
    if (std::find(ignored.begin(), ignored.end(), key) != ignored.end()) continue;
    if (now.contains(key)) {
      const bool names_files = std::find(paths.begin(), paths.end(), key) != paths.end();
      if (names_files ? same_files(old, now.at(key)) : old == now.at(key)) continue;
    }
    throw ConfigError(formatted(
        "--{} was {}{} when {} was written and is {} now: resume with the same settings or choose "
        "another --out",
        key,
        dump_json(old),
        written.contains(key) ? "" : " (not there yet, so its default)",
        path,
        shown(now, key)));
  }
}

void check_free(const fs::path& run_folder,
                const std::string& command,
                bool resume,
                bool overwrite) {
  if (resume && overwrite) throw ConfigError("--resume and --overwrite exclude each other");
  const fs::path path = run_folder / kEffectiveConfigFile;
  if (overwrite || !fs::exists(path)) return;
  if (is_bare(run_folder)) return;
  const Json object = parse_json_object(read_file(path), path.string());
  const std::string other = JsonRecord(object, path.string()).text_or("command", "");
  if (resume && other == command) return;
  throw Error(ExitCode::kCannotCreate,
              formatted("{}: holds a run of {} already; {}replace it with --overwrite, or choose "
                        "another --out",
                        run_folder,
                        other.empty() ? "another command" : other,
                        other == command ? "go on with --resume, " : ""));
}

std::map<std::string, std::string> contents_of(const std::vector<Option>& options) {
  std::map<std::string, std::string> contents;
  for (const Option& option : options) {
    if (!is_path(option) || option.name == "out") continue;
    std::string all;
    for (const fs::path& path : paths_of(option)) {
      if (path.empty()) continue;
      for (const fs::path& file : noted_files(path)) all += content_hash(file);
    }
    if (!all.empty()) contents[option.name] = sha256(all);
  }
  return contents;
}

void check_same_files(const fs::path& run_folder,
                      const std::map<std::string, std::string>& contents,
                      std::string_view may_differ) {
  const fs::path path = run_folder / kInputsFile;
  if (!fs::exists(path) || is_bare(run_folder)) return;
  const Json written = parse_json_object(read_file(path), path.string());
  const auto ignored = split(may_differ, ',');
  for (const auto& [flag, content] : contents) {
    if (std::find(ignored.begin(), ignored.end(), flag) != ignored.end()) continue;
    if (!written.contains(flag) || written.at(flag) == content) continue;
    throw ConfigError(formatted(
        "--{} holds other data than when {} was written: resume with the same files, start over "
        "with --overwrite, or choose another --out",
        flag,
        path));
  }
}

void write_inputs(const fs::path& run_folder, const std::map<std::string, std::string>& contents) {
  write_file(run_folder / kInputsFile, OrderedJson(contents).dump(2) + "\n");
}

fs::path file_in(const fs::path& folder_or_file, std::string_view name) {
  return fs::is_directory(folder_or_file) ? folder_or_file / name : folder_or_file;
}

bool is_run_folder(const fs::path& out) {
  return out != "-" && out.extension() != ".jsonl" && out.extension() != ".json";
}

fs::path output_in(const fs::path& out, std::string_view name) {
  return is_run_folder(out) ? out / name : out;
}

NamedPath parse_named_path(const std::string& text) {
  const std::size_t cut = text.find('=');
  const bool is_named = cut != std::string::npos && !fs::exists(text);
  NamedPath named{is_named ? text.substr(0, cut) : "", is_named ? text.substr(cut + 1) : text};
  if (named.path.empty()) throw ConfigError(formatted("\"{}\" names no file", text));
  return named;
}

std::string file_stem(std::string_view id) {
  if (id.empty()) throw DataError("an empty id cannot name a file");
  std::string stem;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const auto c = static_cast<unsigned char>(id[i]);
    const bool leads = i == 0 && (c == '.' || c == '-');  // no hidden file, no flag
    if (is_plain(c) && !leads) {
      stem += id[i];
    } else {
      stem += formatted("%{:02X}", static_cast<std::int64_t>(c));
    }
  }
  if (stem.size() <= kMaxStem) return stem;
  return stem.substr(0, kMaxStem - 17) + "%" + to_hex(hash_text(id));
}

}  // namespace vragent::data
