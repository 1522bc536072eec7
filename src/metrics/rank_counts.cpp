// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled as the row kernels are (src/CMakeLists.txt).
#include "vragent/metrics/rank_counts.h"

namespace vragent::metrics {
namespace {

template <class T>
inline RankCounts counts(std::span<const T> scores, T wanted) {
  const T* score = scores.data();
  const auto size = static_cast<std::int32_t>(scores.size());
  // Counters as wide as a float: one comparison of a vector adds to one vector.
  std::int32_t greater = 0;
  std::int32_t equal = 0;
  std::int32_t not_numbers = 0;
  for (std::int32_t i = 0; i < size; ++i) {
    greater += score[i] > wanted ? 1 : 0;
    equal += score[i] == wanted ? 1 : 0;
    not_numbers += score[i] != score[i] ? 1 : 0;
  }
  return {.greater = greater, .equal = equal, .not_numbers = not_numbers};
}

}  // namespace

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] RankCounts
count_against(std::span<const float> scores, float wanted) {
  return counts(scores, wanted);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] RankCounts
count_against(std::span<const double> scores, double wanted) {
  return counts(scores, wanted);
}

}  // namespace vragent::metrics
