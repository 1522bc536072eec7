// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// A file of tensors that is written behind a long computation.
#pragma once

#include <filesystem>

namespace vragent::tools {

/// Refuses, before anything is computed, an --out that could not be written behind it. A file that
/// is there will be replaced, and folders on the way to it will be made.
/// @throws ConfigError when there is none, and for "-"; Error (73) for a folder, and where a file
///   or a missing permission is in the way
void check_out_file(const std::filesystem::path& out);

}  // namespace vragent::tools
