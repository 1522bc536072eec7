// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// How long a file that lies may keep a reader busy before it is refused.
#pragma once

namespace vragent::test {

/// Processor seconds that a refusal may take.
#ifdef __SANITIZE_ADDRESS__
inline constexpr double kLongestRefusal = 20;  // instrumented code is many times slower
#else
inline constexpr double kLongestRefusal = 1;
#endif

}  // namespace vragent::test
