// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Reading the files of a model's folder. Nothing outside the folder is ever read: a link may lead
// from a snapshot of the Hugging Face cache to its blobs, and nowhere else outside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vragent::text {

/// The path itself. @throws DataError when it is a link that leads out of its folder
std::filesystem::path path_inside(const std::filesystem::path& path);

/// The content of such a file.
/// @throws DataError for a link out of its folder, for what is no regular file (a FIFO would wait
/// for ever) and for more than max_bytes; Error (66) when it cannot be opened; all name the path
std::string read_inside(const std::filesystem::path& path,
                        std::uintmax_t max_bytes = std::uintmax_t{512} << 20U);

}  // namespace vragent::text
