// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// SHA-256 (FIPS 180-4), by which small texts are known again.
#pragma once

#include <string>
#include <string_view>

namespace vragent {

/// The digest of the bytes as 64 hexadecimal digits in lower case.
std::string sha256(std::string_view bytes);

}  // namespace vragent
