// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A run folder: the only names of artifact files, the echo of the effective configuration, and safe
// file names for ids of the data.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vragent/util/config.h"

namespace vragent::data {

inline constexpr std::string_view kFramesFile = "frames.jsonl";
inline constexpr std::string_view kFramesFolder = "frames";
inline constexpr std::string_view kCaptionsFile = "captions.jsonl";
inline constexpr std::string_view kTopKFile = "topk.jsonl";
inline constexpr std::string_view kValidTopKFile = "topk.valid.jsonl";
inline constexpr std::string_view kCasesFile = "cases.jsonl";
inline constexpr std::string_view kDecisionsFile = "decisions.jsonl";
inline constexpr std::string_view kMetricsFile = "metrics.json";
inline constexpr std::string_view kScoresFile = "scores.json";
inline constexpr std::string_view kComparisonFile = "comparison.json";
inline constexpr std::string_view kModelFile = "model.safetensors";
inline constexpr std::string_view kConfigFile = "config.json";
inline constexpr std::string_view kTrainLogFile = "train_log.jsonl";
inline constexpr std::string_view kTrainerStateFile = "trainer_state.json";
inline constexpr std::string_view kCompletionsFile = "completions.jsonl";
inline constexpr std::string_view kEffectiveConfigFile = "effective_config.json";
inline constexpr std::string_view kInputsFile = "inputs.json";
inline constexpr std::string_view kUsersFile = "users.txt";
inline constexpr std::string_view kReportFile = "report.html";
inline constexpr std::string_view kReportDataFile = "report.json";

/// Writes the effective configuration of `command` into the run folder as effective_config.json:
/// {"command": ..., "version": ..., "config": {...}}.
/// @param config_json an object, as util/config's to_json() gives it
/// @throws Error (73, 74) when it cannot be written
void write_effective_config(const std::filesystem::path& run_folder,
                            const std::string& command,
                            const std::string& config_json);

/// Refuses to resume with other settings. A folder without an effective_config.json is a new run;
/// paths are the same when they name the same file. A key that the folder's file lacks, because the
/// program has it since then only, was at its default.
/// @param defaults   the same options of a config as it is made
/// @param may_differ dotted keys that are passed over, comma-separated
/// @throws ConfigError naming the first key that differs between the folder's effective_config.json
///   and the options, DataError when the file is broken
void check_same_config(const std::filesystem::path& run_folder,
                       const std::vector<Option>& options,
                       const std::vector<Option>& defaults,
                       std::string_view may_differ);

/// Refuses to write over what a run has left in the folder. A folder that holds nothing but an
/// effective_config.json (the run failed before it had done anything) is free.
/// @throws ConfigError with both flags set; Error (73) when a run of this or another command stands
///   there and neither flag is set, or another command's and `resume` is set
void check_free(const std::filesystem::path& run_folder,
                const std::string& command,
                bool resume,
                bool overwrite);

/// A hash of what the options' files hold, by flag; of folders that of the files of this program's
/// names that are read from them (captions.jsonl and the like). Weights of models, pictures, pipes
/// and "-" are left out. @throws Error (66, 74)
std::map<std::string, std::string> contents_of(const std::vector<Option>& options);

/// Refuses to resume with files that hold other bytes under the names of before; a folder without
/// an inputs.json, or that check_free() calls free, passes.
/// @param contents   what contents_of() gives now
/// @param may_differ as above
/// @throws ConfigError naming the flag and the note, DataError when inputs.json is broken
void check_same_files(const std::filesystem::path& run_folder,
                      const std::map<std::string, std::string>& contents,
                      std::string_view may_differ);

/// Notes them in the folder's inputs.json. @throws Error (73, 74)
void write_inputs(const std::filesystem::path& run_folder,
                  const std::map<std::string, std::string>& contents);

/// Text of the flags with which a command meets an earlier run in --out.
inline constexpr const char* kResumeHelp = "go on with the run that was stopped in --out";
inline constexpr const char* kOverwriteHelp = "start over where --out holds a run already";

/// What begin_run() checks before it writes.
template <class Config>
void check_run(const Config& config,
               const std::vector<Option>& options,
               const std::string& command,
               std::string_view may_differ) {
  if constexpr (requires { config.overwrite&& config.resume; }) {
    check_free(config.out, command, config.resume, config.overwrite);
    if (Config defaults; config.resume)
      check_same_config(config.out, options, options_of(defaults), may_differ);
  }
}

/// Begins a run in config.out: its effective configuration is written there. A command with the
/// flags resume and overwrite minds what stands there; a resumed run must have the settings of
/// before, but for the keys that may differ. Errors as the functions above.
/// @return the effective configuration as JSON
template <class Config>
std::string begin_run(Config config, const std::string& command, std::string_view may_differ = "") {
  const std::vector<Option> options = options_of(config);
  check_run(config, options, command, may_differ);
  const std::string effective = to_json(options);
  write_effective_config(config.out, command, effective);
  return effective;
}

/// The same of a command that goes on from checkpoints: its files must hold what they held, too.
template <class Config>
std::string begin_training(Config config, const std::string& command, std::string_view may_differ) {
  const std::vector<Option> options = options_of(config);
  check_run(config, options, command, may_differ);
  const auto contents = contents_of(options);
  if (config.resume) check_same_files(config.out, contents, may_differ);
  const std::string effective = to_json(options);
  write_effective_config(config.out, command, effective);
  write_inputs(config.out, contents);
  return effective;
}

/// The file where a folder was given for it: FOLDER -> FOLDER/name; a file (or "-") stays as it is.
std::filesystem::path file_in(const std::filesystem::path& folder_or_file, std::string_view name);

/// Whether an --out names a run folder: neither "-" (stdout) nor a file that ends in .jsonl or
/// .json.
bool is_run_folder(const std::filesystem::path& out);

/// Where a command with such an --out writes: FOLDER -> FOLDER/name; a file or "-" stays as it is.
std::filesystem::path output_in(const std::filesystem::path& out, std::string_view name);

/// A file under the name it has in tables, as flags give it: "NAME=PATH", or "PATH" alone.
struct NamedPath {
  std::string name;  ///< empty when none was given
  std::filesystem::path path;
};

/// Cuts at the first "=", unless the whole text is a path that exists. @throws ConfigError without
/// a path
NamedPath parse_named_path(const std::string& text);

/// A file name for an id of the data set, which may hold anything ("../../x", a slash, a line
/// break): letters, digits, "_", "-" and "." stay, other bytes and a leading "." or "-" become %XX,
/// and a long name ends in a hash. Different ids get different names, and ordinary ids stay as they
/// are. @throws DataError on an empty id
std::string file_stem(std::string_view id);

}  // namespace vragent::data
