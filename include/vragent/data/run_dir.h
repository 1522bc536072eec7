// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A run folder: the only names of artifact files, the echo of the effective configuration, the
// manifest.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace vragent::data {

inline constexpr std::string_view kFramesFile = "frames.jsonl";
inline constexpr std::string_view kFramesFolder = "frames";
inline constexpr std::string_view kCaptionsFile = "captions.jsonl";
inline constexpr std::string_view kTopKFile = "topk.jsonl";
inline constexpr std::string_view kCasesFile = "cases.jsonl";
inline constexpr std::string_view kDecisionsFile = "decisions.jsonl";
inline constexpr std::string_view kMetricsFile = "metrics.json";
inline constexpr std::string_view kScoresFile = "scores.json";
inline constexpr std::string_view kModelFile = "model.safetensors";
inline constexpr std::string_view kConfigFile = "config.json";
inline constexpr std::string_view kTrainLogFile = "train_log.jsonl";
inline constexpr std::string_view kTrainerStateFile = "trainer_state.json";
inline constexpr std::string_view kCompletionsFile = "completions.jsonl";
inline constexpr std::string_view kEffectiveConfigFile = "effective_config.json";
inline constexpr std::string_view kReportFile = "report.html";
inline constexpr std::string_view kReportDataFile = "report.json";

/// Writes the effective configuration of `command` into the run folder as effective_config.json:
/// {"command": ..., "version": ..., "config": {...}}.
/// @param config_json an object, as util/config's to_json() gives it
void write_effective_config(const std::filesystem::path& run_folder,
                            const std::string& command,
                            const std::string& config_json);

/// Refuses to resume with other settings: @throws ConfigError naming the first key that differs
/// between the folder's effective_config.json and `config_json` (keys in `may_differ`,
/// comma-separated, are passed over).
void check_same_config(const std::filesystem::path& run_folder,
                       const std::string& config_json,
                       std::string_view may_differ);

/// The file where a folder was given for it: FOLDER -> FOLDER/name; a file stays as it is.
std::filesystem::path file_in(const std::filesystem::path& folder_or_file, std::string_view name);

}  // namespace vragent::data
