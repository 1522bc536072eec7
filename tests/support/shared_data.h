// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Test data that is never part of the repository: data sets, odd videos, hostile files. Tests that
// need it skip themselves, saying so, where it is absent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace vragent::test {

/// A file or folder of the shared test data ("data/microlens-50k"), below $VRAGENT_SHARED or, when
/// that is not set, below ../shared of the source root (the tests' working directory).
inline std::optional<std::filesystem::path> shared_data(const std::string& relative) {
  const char* root = std::getenv("VRAGENT_SHARED");
  const std::filesystem::path path =
      std::filesystem::path(root != nullptr ? root : "../shared") / relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace vragent::test
