// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/text/folder_files.h"

#include "vragent/util/error.h"
#include "vragent/util/files.h"
#include "vragent/util/format.h"

namespace vragent::text {
namespace fs = std::filesystem;

fs::path path_inside(const fs::path& path) {
  std::error_code code;
  if (!fs::is_symlink(path, code)) return path;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  // A link to nothing is its own canonical path, so the step to its target is taken by hand.
  const fs::path target = fs::exists(path, code)
                              ? fs::weakly_canonical(path, code)
                              : fs::weakly_canonical(folder / fs::read_symlink(path, code), code);
  const fs::path home = fs::canonical(folder);
  const bool is_snapshot = home.parent_path().filename() == "snapshots";
  const fs::path blobs = is_snapshot ? home.parent_path().parent_path() / "blobs" : home;
  for (const fs::path& allowed : {home, blobs}) {
    if (!code && target.parent_path() == allowed) return path;
  }
  throw DataError(formatted(
      "{}: a link out of the model's folder, to {}: copy the file, or link the folder as a whole",
      path,
      target));
}

std::string read_inside(const fs::path& path, std::uintmax_t max_bytes) {
  return read_regular_file(path_inside(path), max_bytes);
}

}  // namespace vragent::text
