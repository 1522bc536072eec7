// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Talk for people, on stderr: key=value, one line an interval, no banners. Debug is per item, info
// per stage, warn for what was skipped. The only global of the project lives behind these
// functions.
#pragma once

#include <string>
#include <string_view>

#include "vragent/util/format.h"

namespace vragent::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

/// Sets the least level that is printed (default: info).
void set_level(Level level);

/// Writes one line to stderr when `level` is high enough.
void write(Level level, const std::string& text);

template <class... Args>
void debug(std::string_view pattern, const Args&... args) {
  write(Level::kDebug, formatted(pattern, args...));
}

template <class... Args>
void info(std::string_view pattern, const Args&... args) {
  write(Level::kInfo, formatted(pattern, args...));
}

template <class... Args>
void warn(std::string_view pattern, const Args&... args) {
  write(Level::kWarn, formatted(pattern, args...));
}

template <class... Args>
void error(std::string_view pattern, const Args&... args) {
  write(Level::kError, formatted(pattern, args...));
}

}  // namespace vragent::log
