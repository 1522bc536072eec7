// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What two runs of a trainer left, for comparison.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vragent/nn/safetensors.h"
#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::learning {

/// The model in a run folder or checkpoint.
inline nn::NamedTensors weights_in(const std::filesystem::path& folder) {
  return nn::load_safetensors(folder / "model.safetensors");
}

/// The adapter in a run folder or checkpoint.
inline nn::NamedTensors adapter_in(const std::filesystem::path& folder) {
  return nn::load_safetensors(folder / "adapter_model.safetensors");
}

/// trainer_state.json of a run folder or checkpoint.
inline Json trainer_state(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "trainer_state.json";
  return parse_json_object(read_file(path), path.string());
}

/// Lines of train_log.jsonl without the members that are times.
inline std::vector<Json> timeless_log(const std::filesystem::path& run_folder) {
  std::vector<Json> rows;
  for_each_line(run_folder / "train_log.jsonl",
                [&](const std::string& line, const std::string& where) {
                  Json row = parse_json_object(line, where);
                  for (const char* time : {"step_time", "rollout_time"}) row.erase(time);
                  rows.push_back(row);
                });
  return rows;
}

/// One member over the logged steps that have it.
inline std::vector<double> logged(const std::filesystem::path& run_folder, const char* name) {
  std::vector<double> values;
  for (const Json& row : timeless_log(run_folder)) {
    if (row.contains(name)) values.push_back(row[name].get<double>());
  }
  return values;
}

}  // namespace vragent::learning
