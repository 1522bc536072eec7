// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/nn/checkpoint.h"

#include "vragent/util/files.h"
#include "vragent/util/json.h"

namespace vragent::nn {
namespace {

constexpr const char* kTensors = "state.safetensors";
constexpr const char* kNumbers = "state.json";

}  // namespace

void TrainingState::add(const std::string& prefix, const NamedTensors& part) {
  for (const auto& [name, tensor] : part) tensors[prefix + name] = tensor;
}

NamedTensors TrainingState::with_prefix(const std::string& prefix) const {
  NamedTensors part;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) part[name.substr(prefix.size())] = tensor;
  }
  return part;
}

void write_training_state(const std::filesystem::path& folder, const TrainingState& state) {
  save_safetensors(folder / kTensors, state.tensors);
  write_file(folder / kNumbers, OrderedJson(state.numbers).dump(2) + "\n");
}

void save_training_state(const std::filesystem::path& folder, const TrainingState& state) {
  write_folder(folder,
               [&](const std::filesystem::path& fresh) { write_training_state(fresh, state); });
}

TrainingState load_training_state(const std::filesystem::path& folder) {
  TrainingState state;
  const std::string where = (folder / kNumbers).string();
  const Json numbers = parse_json_object(read_file(folder / kNumbers), where);
  for (const auto& [name, value] : numbers.items())
    state.numbers[name] = JsonRecord(numbers, where).number(name.c_str());
  const SafetensorsFile file(folder / kTensors);
  for (const std::string& name : file.names()) state.tensors[name] = file.tensor(name);
  return state;
}

TensorLookup lookup_in(const NamedTensors& tensors) {
  return [&tensors](const std::string& name) {
    const auto found = tensors.find(name);
    return found == tensors.end() ? torch::Tensor() : found->second;
  };
}

}  // namespace vragent::nn
