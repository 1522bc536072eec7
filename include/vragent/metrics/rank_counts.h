// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// How many scores of a long row lie above a wanted one: what a rank is made of, at the speed of
// memory.
#pragma once

#include <cstdint>
#include <span>

namespace vragent::metrics {

struct RankCounts {
  std::int64_t greater = 0;
  std::int64_t equal = 0;
  std::int64_t not_numbers = 0;  ///< NaN, which is neither
};

/// Compares every score with `wanted`; rows below 2^31 scores.
RankCounts count_against(std::span<const float> scores, float wanted);
RankCounts count_against(std::span<const double> scores, double wanted);

}  // namespace vragent::metrics
