// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Every file below a folder with its bytes, to compare what two runs wrote.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "vragent/util/files.h"

namespace mini_world {

/// Relative path -> content.
inline std::map<std::string, std::string> files_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[std::filesystem::relative(entry.path(), folder).string()] =
        vragent::read_file(entry.path());
  }
  return files;
}

}  // namespace mini_world
