// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Checkpoints in the Hugging Face layout: config.json, model.safetensors or shards with an index,
// and the small files beside them. Nothing outside the folder is ever read: a link may lead from a
// snapshot of the Hugging Face cache to its blobs, and nowhere else outside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vragent/nn/parameters.h"
#include "vragent/nn/safetensors.h"

namespace vragent {
class JsonRecord;
}

namespace vragent::models {

/// The files of an adapter in PEFT's layout (engine/adapter_folder reads and writes them).
inline constexpr const char* kAdapterConfigFile = "adapter_config.json";
inline constexpr const char* kAdapterWeightsFile = "adapter_model.safetensors";

/// The folder that `model` names: a folder, or "org/name" in the local Hugging Face cache
/// (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME; the commit in refs/main, or the branch, tag or commit of
/// "org/name@REVISION"); of a folder models--org--name of the cache the same. Nothing is
/// downloaded.
/// @throws Error (66) when there is no such folder, saying where it was looked for, or a file
std::filesystem::path resolve_model(const std::string& model);

/// The weights of a folder, found by tensor name; files stay mapped while tensors of them live.
class WeightFiles {
 public:
  /// Opens model.safetensors, else the shards of model.safetensors.index.json.
  /// @throws Error (66) when there is neither; DataError for an index that names a tensor twice or
  ///   files outside the folder, for missing shards, and for tensors that are not in their shard or
  ///   in two
  explicit WeightFiles(const std::filesystem::path& folder);

  /// The tensor (mapped, read-only), or an undefined one.
  [[nodiscard]] torch::Tensor find(const std::string& name) const;

  /// The first of the names that is there, or an empty one.
  [[nodiscard]] std::string first_of(const std::vector<std::string>& names) const;

  [[nodiscard]] std::vector<std::string> names() const;

  /// Of all tensors in all shards.
  [[nodiscard]] std::uint64_t num_bytes() const;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  void open_shards(const std::string& index_text);

  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<nn::SafetensorsFile>> by_tensor_;
};

/// How large a config.json says that a model is, at least.
struct ModelSize {
  double num_layers = 0;
  double num_weights = 0;  ///< in matrices
};

/// Before anything is allocated for sizes that a config.json makes up.
/// @throws DataError when the files have fewer tensors than the model has layers, or its weights
///   are beyond all that might be missing
void check_backed(const WeightFiles& files, const ModelSize& size);

/// What a module's tensors are called in files.
struct WeightNames {
  /// Spellings of a parameter's name, of which the first that is in the files counts; unset: its
  /// own.
  std::function<std::vector<std::string>(const std::string& name)> spellings;
  std::vector<std::string> ignored;  ///< parts of the names of tensors that may stay unread
};

/// Each name behind each prefix.
std::vector<std::string> prefixed(std::initializer_list<const char*> prefixes,
                                  const std::vector<std::string>& names);

/// Fills a module from the files, in this dtype, on this device and without gradients.
/// @throws DataError naming missing, misshapen, non-finite and unexpected tensors
void load_into(torch::nn::Module& module,
               const WeightFiles& files,
               const WeightNames& names,
               torch::Dtype dtype,
               torch::Device device);

/// The text of config.json. @throws Error (66); DataError when it is no JSON object, and when it
/// tells of quantised weights (quantization_config), naming the method
std::string read_model_config(const std::filesystem::path& folder);

/// "model_type" of a config.json text. @throws DataError when there is none
std::string model_type(const std::string& config_json, const std::string& where);

/// Sizes of a config.json that must be above zero and fit 31 bits, whatever the architecture.
/// @param sizes key in the file and value. @throws DataError naming the first key that is not
void check_positive(const JsonRecord& record,
                    std::initializer_list<std::pair<const char*, std::int64_t>> sizes);

/// The epsilon of a model's norms. @throws DataError when it is below zero
double norm_eps_or(const JsonRecord& record, const char* key, double fallback);

/// Writes a whole model folder: weights (sharded above `max_shard_bytes`), the config, and the side
/// files (tokenizer, template, generation and preprocessor configs) copied from `side_files`, if
/// given. The folder appears complete or not at all.
struct ModelFolder {
  nn::NamedTensors tensors;
  std::string config_json;
  std::filesystem::path side_files;  ///< empty: none
  std::uint64_t max_shard_bytes = 5'000'000'000;
};

void save_model_folder(const std::filesystem::path& out, const ModelFolder& model);

/// Removes what makes a folder a model or an adapter (config and weights), before another of them
/// is written there.
void remove_model_files(const std::filesystem::path& folder);

/// Copies the tokenizer, template, generation and preprocessor configs of one folder to another.
void copy_side_files(const std::filesystem::path& from, const std::filesystem::path& to);

/// Writes the parts of save_model_folder() into a folder that is being made by the caller
/// (write_folder()).
void write_model_files(const std::filesystem::path& folder, const ModelFolder& model);

}  // namespace vragent::models
