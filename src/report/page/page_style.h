// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The style sheet of report pages.
#pragma once

#include <string_view>

namespace vragent::report {

/// CSS for light and dark, phone and desktop, screen and paper.
extern const std::string_view kPageStyle;

}  // namespace vragent::report
