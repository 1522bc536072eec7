// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One row of logits on the CPU: its softmax's sums, and the token at a point of its distribution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vragent::engine {

/// exp(score - largest) summed up in blocks, so that a draw looks into one block only.
struct SoftmaxSums {
  float largest = 0;
  std::int64_t argmax = 0;  ///< the first of the largest
  double total = 0;
  std::vector<double> blocks;  ///< of kSumBlock scores each
};

inline constexpr std::int64_t kSumBlock = 512;

/// @param scores finite or -inf
SoftmaxSums softmax_sums(std::span<const float> scores);

/// Neither NaN nor an infinity among them.
bool is_finite_row(std::span<const float> scores);

/// The first index whose cumulative share exceeds `uniform` of the total; indices of -inf are never
/// drawn. uniform in [0, 1)
std::int64_t index_at(std::span<const float> scores, const SoftmaxSums& sums, double uniform);

/// The block in which a draw lies.
struct BlockPoint {
  std::size_t block = 0;
  double left = 0;  ///< of the point behind the blocks before
};

/// uniform in [0, 1)
BlockPoint block_at(const SoftmaxSums& sums, double uniform);

/// The first index in a block whose cumulative share exceeds `left`; where rounding leaves none,
/// the last that is possible; -1 where none is.
std::int64_t index_in_block(std::span<const float> block, float largest, double left);

/// Widens bfloat16 bits.
void widen_row(std::span<const std::uint16_t> row, std::span<float> into);

/// Divides all scores.
void divide_row(std::span<float> scores, float divisor);

/// -inf for everything outside the k best; ties at the border stay.
void keep_top_k(std::span<float> scores, std::int64_t k);

/// -inf for the tail beyond probability p; at least one stays. In ascending order, of equal scores
/// the one with the larger index is kept longer.
void keep_top_p(std::span<float> scores, double p);

/// -inf for what is less likely than min_p times the best.
void keep_min_p(std::span<float> scores, double min_p);

}  // namespace vragent::engine
