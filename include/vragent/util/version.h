// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The program's version, as --version prints it and run folders record it; equal to project()'s.
#pragma once

#include <string_view>

namespace vragent {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace vragent
