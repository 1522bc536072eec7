// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Text from anywhere made safe inside HTML and SVG, and numbers as the paper prints them.
#pragma once

#include <string>
#include <string_view>

#include "vragent/metrics/statistics.h"

namespace vragent::report {

/// `text` for element content and quoted attributes of HTML and XML: & < > " ' become references,
/// invalid UTF-8 and control characters other than tab and line feed become U+FFFD.
std::string escaped(std::string_view text);

/// The length in bytes of the valid UTF-8 sequence at the front of `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text);

/// A fraction without its leading zero: ".715", "-.020", "1.000".
std::string fraction_text(double value, int digits);

/// ".715 [.686, .742]".
std::string fraction_text(double value, const metrics::Interval& interval, int digits);

}  // namespace vragent::report
