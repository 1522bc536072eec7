// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/rec_models/vector_cache.h"

#include <algorithm>
#include <set>

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include "vragent/nn/safetensors.h"
#include "vragent/text/folder_files.h"
#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"
#include "vragent/util/sha256.h"

namespace vragent::rec_models {
namespace fs = std::filesystem;

namespace {

constexpr const char* kName = "vectors";
constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 30U;

fs::path file_of(const fs::path& folder, const std::string& key) {
  return folder / (key + ".safetensors");
}

/// Weights, config and tokenizer, by name.
std::vector<fs::path> model_files(const fs::path& model) {
  static const std::set<std::string> kSuffixes = {".safetensors", ".json", ".txt", ".model"};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(model)) {
    if (entry.is_regular_file() && kSuffixes.contains(entry.path().extension().string()))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string vectors_key(const fs::path& model,
                        const std::string& settings,
                        const std::vector<std::string>& contents,
                        torch::Device device) {
  std::string all = formatted("{} {} {} {}",
                              settings,
                              torch::Device(device.type()).str(),
                              at::get_cpu_capability(),
                              at::get_num_threads());
  for (const fs::path& file : model_files(model))
    all += "\n" + file.filename().string() + " " + sha256(text::read_inside(file, kMostBytes));
  for (const std::string& content : contents) all += "\n" + sha256(content);
  return sha256(all);
}

torch::Tensor load_vectors(const fs::path& folder,
                           const std::string& key,
                           torch::IntArrayRef sizes,
                           torch::Device device) {
  const fs::path file = file_of(folder, key);
  if (!fs::exists(file)) return {};
  const nn::NamedTensors tensors = nn::load_safetensors(file);
  const auto found = tensors.find(kName);
  if (found == tensors.end() || tensors.size() != 1 || found->second.sizes() != sizes ||
      found->second.scalar_type() != torch::kFloat32)
    throw DataError(formatted("{}: holds no vectors of items; delete it", file));
  return found->second.to(device);
}

void save_vectors(const fs::path& folder, const std::string& key, const torch::Tensor& vectors) {
  nn::save_safetensors(file_of(folder, key), {{kName, vectors}});
}

}  // namespace vragent::rec_models
