// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The state of a training run: tensors by name and a few numbers, written as one folder that is
// complete or absent.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "vragent/nn/parameters.h"
#include "vragent/nn/safetensors.h"

namespace vragent::nn {

struct TrainingState {
  NamedTensors tensors;
  std::map<std::string, double> numbers;  ///< counters and metrics, exact up to 2^53

  /// Adds tensors under a prefix.
  void add(const std::string& prefix, const NamedTensors& part);

  /// The tensors whose name starts with `prefix`, without it.
  [[nodiscard]] NamedTensors with_prefix(const std::string& prefix) const;
};

/// Replaces `folder` by state.safetensors and state.json.
void save_training_state(const std::filesystem::path& folder, const TrainingState& state);

/// Writes the two files into a folder that is being made by the caller.
void write_training_state(const std::filesystem::path& folder, const TrainingState& state);

/// Tensors are mapped, not copied: processes of one machine that read the same state hold it once.
/// @throws Error (66) when there is none, DataError when it is damaged
TrainingState load_training_state(const std::filesystem::path& folder);

/// Looks tensors up in a map that must outlive the lookup.
TensorLookup lookup_in(const NamedTensors& tensors);

}  // namespace vragent::nn
