// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What attention in matrix tiles does between its products: layouts of bfloat16 factors, and the
// softmax of a block of scores with its gradient, in float32.
#pragma once

#include <cstdint>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::ops::cpu {

/// Rows of `width` numbers, `stride` apart.
struct Rows {
  const Bf16* data;
  std::int64_t stride;
  std::int64_t count;
  std::int64_t width;  ///< even
};

/// into [padded, width], zeros behind the rows.
void copy_rows(const Rows& rows, std::int64_t padded, Bf16* into);

/// The rows as columns: into [width, padded].
void turn_rows(const Rows& rows, std::int64_t padded, Bf16* into);

/// The rows as columns of a right factor, whose rows lie in pairs: into [width / 2, padded, 2].
void turn_pairs(const Rows& rows, std::int64_t padded, Bf16* into);

/// The rows as rows of a right factor: into [padded / 2, width, 2].
void pair_rows(const Rows& rows, std::int64_t padded, Bf16* into);

/// One block of keys of an online softmax: weights = exp(scale * scores - largest), 0 for what a
/// row does not see; what was gathered so far shrinks as the largest score grows.
struct SoftmaxBlock {
  const float* scores;          ///< [rows, keys]
  const std::int32_t* visible;  ///< [rows], the first keys of the block that a row sees
  std::int64_t rows;
  std::int64_t keys;
  float scale;
  Bf16* weights;    ///< [rows, keys]
  float* largest;   ///< [rows], running
  float* sum;       ///< [rows], running
  float* gathered;  ///< [rows, width]
  std::int64_t width;
};

void run(const SoftmaxBlock& block);

/// Gradients through the softmax on a block of keys, keys as rows: weights = exp(scale * scores -
/// lse), slopes = weights * (along - offset) * scale.
struct SlopeBlock {
  const float* scores;          ///< [keys, rows]
  const float* along;           ///< [keys, rows], of the weights
  const std::int32_t* visible;  ///< [rows]
  const float* lse;             ///< [rows]
  const float* offset;          ///< [rows], output times its gradient
  std::int64_t rows;
  std::int64_t keys;  ///< even
  float scale;
  Bf16* weights;        ///< [keys, rows]
  Bf16* slopes;         ///< [keys, rows]
  Bf16* paired_slopes;  ///< [keys / 2, rows, 2]
};

void run(const SlopeBlock& block);

/// sum over i of a[i] * b[i]
float dot(const Bf16* a, const Bf16* b, std::int64_t width);

/// Numbers times `factor` to bfloat16.
void narrow_row(const float* row, std::int64_t width, float factor, Bf16* into);

/// Columns [0, count) of [width, columns] as rows, `stride` apart.
void narrow_columns(const float* turned,
                    std::int64_t columns,
                    std::int64_t count,
                    std::int64_t width,
                    Bf16* into,
                    std::int64_t stride);

}  // namespace vragent::ops::cpu
