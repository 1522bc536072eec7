// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What a recommender shows of its catalogue [N]: how much of it, how evenly, how popular.
#pragma once

#include <cstdint>
#include <span>

namespace vragent::metrics {

/// Share of the items that are shown at all; 0 without items.
/// @param times_shown [N], counts
double coverage(std::span<const std::int64_t> times_shown);

/// Gini coefficient of how often items are shown, those never shown included:
/// sum_i (2 i - N - 1) t_i / (N sum_i t_i) over ascending t_1 .. t_N. 0 when all are shown equally
/// often or nothing is shown, (N - 1) / N when one item is all that is shown.
/// @param times_shown [N], counts
double gini(std::span<const std::int64_t> times_shown);

/// Mean popularity of what is shown, sum_i t_i p_i / sum_i t_i: an item counts as often as it is
/// shown. 0 when nothing is shown.
/// @param times_shown [N], counts
/// @param popularity [N], for example interactions in training
/// @throws std::logic_error when the lengths differ
double mean_popularity(std::span<const std::int64_t> times_shown,
                       std::span<const std::int64_t> popularity);

}  // namespace vragent::metrics
