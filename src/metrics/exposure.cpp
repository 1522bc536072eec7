// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/metrics/exposure.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "vragent/util/format.h"

namespace vragent::metrics {

double coverage(std::span<const std::int64_t> times_shown) {
  if (times_shown.empty()) return 0.0;
  const auto num_shown = std::count_if(
      times_shown.begin(), times_shown.end(), [](std::int64_t times) { return times > 0; });
  return static_cast<double>(num_shown) / static_cast<double>(times_shown.size());
}

double gini(std::span<const std::int64_t> times_shown) {
  std::vector<std::int64_t> ascending(times_shown.begin(), times_shown.end());
  std::sort(ascending.begin(), ascending.end());
  const auto size = static_cast<double>(ascending.size());
  double weight = 1.0 - size;  // 2 i - N - 1
  double weighted = 0.0;
  double sum = 0.0;
  for (const std::int64_t times : ascending) {
    weighted += weight * static_cast<double>(times);
    sum += static_cast<double>(times);
    weight += 2.0;
  }
  return sum == 0.0 ? 0.0 : weighted / (size * sum);
}

double mean_popularity(std::span<const std::int64_t> times_shown,
                       std::span<const std::int64_t> popularity) {
  if (times_shown.size() != popularity.size()) {
    throw std::logic_error(
        formatted("counts of {} items, popularity of {}", times_shown.size(), popularity.size()));
  }
  double weighted = 0.0;
  double sum = 0.0;
  for (std::size_t item = 0; item < times_shown.size(); ++item) {
    weighted += static_cast<double>(times_shown[item]) * static_cast<double>(popularity[item]);
    sum += static_cast<double>(times_shown[item]);
  }
  return sum == 0.0 ? 0.0 : weighted / sum;
}

}  // namespace vragent::metrics
