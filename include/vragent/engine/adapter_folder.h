// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// LoRA adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors, whose keys are
// "base_model.model." + layer + ".lora_A.weight" and ".lora_B.weight". What a file says and we
// cannot do (DoRA, trained biases, whole modules, patterns of ranks) is refused by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "vragent/nn/lora.h"
#include "vragent/util/table.h"

namespace vragent::engine {

/// What adapter_config.json says.
struct AdapterConfig {
  nn::LoraConfig lora;         ///< target_modules empty where target_pattern is given
  std::string target_pattern;  ///< a regular expression over whole layer names
  std::vector<std::string> exclude_modules;
  std::vector<std::int64_t> layer_numbers;  ///< layers_to_transform; empty: all
  std::string base;                         ///< a model folder, or org/name
};

/// @throws DataError naming what is not supported
AdapterConfig parse_adapter_config(const std::string& json, const std::string& where);

/// An adapter_config.json that PEFT reads.
std::string to_adapter_config_json(const AdapterConfig& config);

/// Whether a folder holds an adapter (then a config.json beside it is not looked at).
bool is_adapter_folder(const std::filesystem::path& folder);

/// The model folder itself, or the one that an adapter was trained on: named by a path, by a path
/// from the adapter's folder, or by org/name in the local cache.
/// @throws Error (66) when the base is not there
std::filesystem::path base_folder(const std::filesystem::path& folder);

AdapterConfig load_adapter_config(const std::filesystem::path& folder);

/// Rank, scale, base and tensors of an adapter.
Table describe_adapter(const std::filesystem::path& folder);

/// Puts the folder's adapter on the layers of its base.
/// @throws DataError naming tensors that fit no layer or fit one that has its adapter already, and
/// layers that the config names and the file lacks
void attach_adapter_folder(torch::nn::Module& module, const std::filesystem::path& folder);

/// Restores adapters that are on `module` from a folder that has just them.
/// @throws DataError naming missing, misshapen and unexpected tensors
void load_adapter_tensors(torch::nn::Module& module, const std::filesystem::path& folder);

/// Linear layers of the text model that `targets` names, without the head.
/// @throws ConfigError for a target that names none
std::vector<nn::NamedLinear> target_layers(const torch::nn::Module& module,
                                           const std::vector<std::string>& targets);

/// What adapter_config.json says of the adapters on these layers of a module.
AdapterConfig adapter_config_of(const nn::LoraConfig& lora,
                                const std::vector<nn::NamedLinear>& layers,
                                const std::string& base);

/// Writes both files, and tokenizer files from `side_files`, into a folder that is being made by
/// the caller or is a run's own; a whole model in it goes.
void write_adapter_files(const std::filesystem::path& folder,
                         const torch::nn::Module& module,
                         const AdapterConfig& config,
                         const std::filesystem::path& side_files);

/// Writes base and adapter as one model folder: sums in fp32, each tensor in its own type.
/// @throws DataError naming tensors that fit nothing in the base, or one tensor of it twice;
/// Interrupted when a stop is asked for before the writing
void write_merged_folder(const std::filesystem::path& adapter, const std::filesystem::path& out);

}  // namespace vragent::engine
