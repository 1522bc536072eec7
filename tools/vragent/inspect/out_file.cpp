// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "inspect/out_file.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "vragent/util/config.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::tools {
namespace fs = std::filesystem;

void check_out_file(const fs::path& out) {
  check_given("out", out);
  if (out == "-") throw ConfigError("--out - is refused: tensors are written to a file only");
  if (!out.has_filename() || fs::is_directory(out))
    throw Error(ExitCode::kCannotCreate, formatted("{}: is a folder, a file is wanted", out));
  fs::path folder = fs::absolute(out).parent_path();
  while (!fs::exists(folder)) folder = folder.parent_path();
  if (!fs::is_directory(folder))
    throw Error(ExitCode::kCannotCreate, formatted("{}: cannot create: {} is a file", out, folder));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(ExitCode::kCannotCreate,
                formatted("{}: cannot create: {}", out, std::strerror(errno)));
}

}  // namespace vragent::tools
