// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// safetensors files: memory-mapped reading with every rule of the format checked, and writing.
// Layout: 8-byte little-endian N, N bytes of JSON, then the tensors without holes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

namespace vragent::nn {

using NamedTensors = std::map<std::string, torch::Tensor>;

/// One mapped file of at most 200,000 tensors. Tensors share the mapping and keep it alive; copy
/// them before changing them.
class SafetensorsFile {
 public:
  /// @throws Error (66, 74) when it cannot be mapped; DataError naming the broken rule (header
  /// length,
  ///   JSON, duplicate names, offsets with holes or overlaps, spans that do not fit shape and
  ///   dtype, a dtype that is not supported, such as a quantised one)
  explicit SafetensorsFile(const std::filesystem::path& path);

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool contains(const std::string& name) const;

  /// @throws DataError when there is no such tensor
  [[nodiscard]] torch::Tensor tensor(const std::string& name) const;

  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Of all its tensors.
  [[nodiscard]] std::uint64_t num_bytes() const;

 private:
  struct Entry {
    torch::Dtype dtype = torch::kFloat32;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  struct Mapping;
  class HeaderReader;

  void check_coverage(std::uint64_t buffer_size) const;

  std::filesystem::path path_;
  std::shared_ptr<Mapping> mapping_;
  std::uint64_t buffer_offset_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Gives the pages below a tensor of a SafetensorsFile, or below a part of one, back to the system;
/// they are read again when they are touched. Other tensors are left alone. For whoever copies a
/// large file piece by piece: without this, what has been copied stays in memory twice.
void drop_pages(const torch::Tensor& tensor);

/// All tensors of a small file, as owned copies.
NamedTensors load_safetensors(const std::filesystem::path& path);

/// The format's name of a dtype: "F32", "BF16". @throws std::logic_error when it has none
std::string format_name(torch::Dtype dtype);

/// Writes tensors (any device and layout; stored contiguous, by name) with {"format": "pt"} as
/// metadata. The file is complete or absent. @throws Error (73, 74)
void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors);

}  // namespace vragent::nn
