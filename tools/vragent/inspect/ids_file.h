// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Token ids from a JSON file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace vragent::tools {

/// A list of lists of token ids, or one list as a list of one; no path gives none.
/// @throws DataError naming the file, Error (66)
std::vector<std::vector<std::int64_t>> read_ids(const std::filesystem::path& path);

}  // namespace vragent::tools
