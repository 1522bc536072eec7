// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/decoding/row_sampler.h"

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
  // Sixteen running maxima: one alone would not become vector instructions.
  float lanes[16];
  std::fill(std::begin(lanes), std::end(lanes), kMinusInfinity);
  const std::int64_t whole = count - count % 16;
  for (std::int64_t i = 0; i < whole; i += 16) {
    for (std::int64_t lane = 0; lane < 16; ++lane)
      lanes[lane] = scores[i + lane] > lanes[lane] ? scores[i + lane] : lanes[lane];
  }
  for (std::int64_t i = whole; i < count; ++i)
    lanes[0] = scores[i] > lanes[0] ? scores[i] : lanes[0];
  return *std::max_element(std::begin(lanes), std::end(lanes));
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

BlockPoint block_at(const SoftmaxSums& sums, double uniform) {
  const double point = uniform * sums.total;
  double below = 0;
  std::size_t block = 0;
  while (block + 1 < sums.blocks.size() && below + sums.blocks[block] <= point)
    below += sums.blocks[block++];
  return {block, point - below};
}

std::int64_t index_in_block(std::span<const float> block, float largest, double left) {
  double below = 0;
  std::int64_t last = -1;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const float share = exponential(block[i] - largest);
    if (share <= 0) continue;
    below += static_cast<double>(share);
    last = static_cast<std::int64_t>(i);
    if (below > left) break;
  }
  return last;
}

std::int64_t index_at(std::span<const float> scores, const SoftmaxSums& sums, double uniform) {
  const BlockPoint point = block_at(sums, uniform);
  const auto begin = point.block * static_cast<std::size_t>(kSumBlock);
  // A block's sum is rounded: a point behind all its parts falls to the next possible token.
  const std::int64_t offset = index_in_block(scores.subspan(begin), sums.largest, point.left);
  return offset < 0 ? sums.argmax : static_cast<std::int64_t>(begin) + offset;
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
