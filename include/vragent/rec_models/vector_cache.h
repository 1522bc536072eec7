// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Vectors of a frozen encoder on disk, found again by a hash of all that they are made of.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

namespace vragent::rec_models {

/// What the vectors of items depend on, as a name of 64 hexadecimal digits: the bytes of the
/// model's files, the items' texts or pictures, the settings, and what decides their last bits: the
/// kind of device, the CPU's instructions and the threads.
/// @param contents of items 0..N
std::string vectors_key(const std::filesystem::path& model,
                        const std::string& settings,
                        const std::vector<std::string>& contents,
                        torch::Device device);

/// What save_vectors() kept under that key; undefined where there is nothing.
/// @param sizes [N+1, D]. @throws DataError naming the file when it holds something else
torch::Tensor load_vectors(const std::filesystem::path& folder,
                           const std::string& key,
                           torch::IntArrayRef sizes,
                           torch::Device device);

void save_vectors(const std::filesystem::path& folder,
                  const std::string& key,
                  const torch::Tensor& vectors);

}  // namespace vragent::rec_models
