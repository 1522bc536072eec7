// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/row_sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::engine {
namespace {

using ops::cpu::exponential;
using ops::cpu::widen;

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float largest_of(
    const float* scores, std::int64_t count) {
  float largest = kMinusInfinity;
  for (std::int64_t i = 0; i < count; ++i) largest = scores[i] > largest ? scores[i] : largest;
  return largest;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float exp_sum(
    const float* scores, std::int64_t count, float largest) {
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += exponential(scores[i] - largest);
  return sum;
}

}  // namespace

SoftmaxSums softmax_sums(std::span<const float> scores) {
  SoftmaxSums sums;
  const std::int64_t count = std::ssize(scores);
  sums.largest = largest_of(scores.data(), count);
  sums.argmax = std::find(scores.begin(), scores.end(), sums.largest) - scores.begin();
  for (std::int64_t begin = 0; begin < count; begin += kSumBlock) {
    const std::int64_t size = std::min(kSumBlock, count - begin);
    sums.blocks.push_back(static_cast<double>(exp_sum(scores.data() + begin, size, sums.largest)));
    sums.total += sums.blocks.back();
  }
  return sums;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] bool is_finite_row(
    std::span<const float> scores) {
  int bad = 0;
  for (const float score : scores)
    bad |= (std::bit_cast<std::uint32_t>(score) & 0x7F800000U) == 0x7F800000U ? 1 : 0;
  return bad == 0;
}

std::int64_t index_at(std::span<const float> scores, const SoftmaxSums& sums, double uniform) {
  const double point = uniform * sums.total;
  double below = 0;
  std::size_t block = 0;
  while (block + 1 < sums.blocks.size() && below + sums.blocks[block] <= point)
    below += sums.blocks[block++];
  const auto begin = static_cast<std::int64_t>(block) * kSumBlock;
  // A block's sum is rounded: a point behind all its parts falls to the next possible token.
  std::int64_t last = sums.argmax;
  for (std::int64_t i = begin; i < std::ssize(scores); ++i) {
    const float share = exponential(scores[static_cast<std::size_t>(i)] - sums.largest);
    if (share <= 0) continue;
    below += static_cast<double>(share);
    last = i;
    if (below > point) break;
  }
  return last;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void widen_row(
    std::span<const std::uint16_t> row, std::span<float> into) {
  for (std::size_t i = 0; i < row.size(); ++i) into[i] = widen(row[i]);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void divide_row(
    std::span<float> scores, float divisor) {
  for (float& score : scores) score /= divisor;
}

void keep_top_k(std::span<float> scores, std::int64_t k) {
  if (k <= 0 || k >= std::ssize(scores)) return;
  std::vector<float> sorted(scores.begin(), scores.end());
  std::nth_element(sorted.begin(), sorted.begin() + (k - 1), sorted.end(), std::greater<>());
  const float kth = sorted[static_cast<std::size_t>(k - 1)];
  for (float& score : scores) {
    if (score < kth) score = kMinusInfinity;
  }
}

void keep_top_p(std::span<float> scores, double p) {
  if (p >= 1) return;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > kMinusInfinity) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores[a] < scores[b];
  });
  const SoftmaxSums sums = softmax_sums(scores);
  double below = 0;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    below += static_cast<double>(exponential(scores[order[i]] - sums.largest)) / sums.total;
    if (below > 1 - p) break;
    scores[order[i]] = kMinusInfinity;
  }
}

void keep_min_p(std::span<float> scores, double min_p) {
  if (min_p <= 0) return;
  const float largest = largest_of(scores.data(), std::ssize(scores));
  for (float& score : scores) {
    if (static_cast<double>(exponential(score - largest)) < min_p) score = kMinusInfinity;
  }
}

}  // namespace vragent::engine
