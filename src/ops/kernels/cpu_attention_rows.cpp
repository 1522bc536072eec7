// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled like cpu_kernels.cpp.
#include "ops/kernels/cpu_attention_rows.h"

#include <algorithm>
#include <cstring>

namespace vragent::ops::cpu {

void copy_rows(const Rows& rows, std::int64_t padded, Bf16* into) {
  const auto bytes = static_cast<std::size_t>(rows.width) * sizeof(Bf16);
  for (std::int64_t row = 0; row < rows.count; ++row)
    std::memcpy(into + row * rows.width, rows.data + row * rows.stride, bytes);
  std::memset(
      into + rows.count * rows.width, 0, static_cast<std::size_t>(padded - rows.count) * bytes);
}

void turn_rows(const Rows& rows, std::int64_t padded, Bf16* into) {
  for (std::int64_t row = 0; row < rows.count; ++row) {
    const Bf16* from = rows.data + row * rows.stride;
    for (std::int64_t i = 0; i < rows.width; ++i) into[i * padded + row] = from[i];
  }
  for (std::int64_t i = 0; i < rows.width; ++i)
    std::fill(into + i * padded + rows.count, into + (i + 1) * padded, Bf16{0});
}

void turn_pairs(const Rows& rows, std::int64_t padded, Bf16* into) {
  for (std::int64_t row = 0; row < rows.count; ++row) {
    const Bf16* from = rows.data + row * rows.stride;
    for (std::int64_t i = 0; i < rows.width; i += 2)
      std::memcpy(into + i * padded + 2 * row, from + i, 2 * sizeof(Bf16));
  }
  for (std::int64_t i = 0; i < rows.width; i += 2)
    std::fill(into + i * padded + 2 * rows.count, into + (i + 2) * padded, Bf16{0});
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void pair_rows(
    const Rows& rows, std::int64_t padded, Bf16* into) {
  for (std::int64_t row = 0; row < padded; row += 2) {
    Bf16* pairs = into + row * rows.width;
    const Bf16* first = rows.data + row * rows.stride;
    const Bf16* second = first + rows.stride;
    if (row + 1 < rows.count) {
      for (std::int64_t i = 0; i < rows.width; ++i) {
        pairs[2 * i] = first[i];
        pairs[2 * i + 1] = second[i];
      }
    } else {
      for (std::int64_t i = 0; i < rows.width; ++i) {
        pairs[2 * i] = row < rows.count ? first[i] : Bf16{0};
        pairs[2 * i + 1] = 0;
      }
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void run(
    const SoftmaxBlock& block) {
  for (std::int64_t row = 0; row < block.rows; ++row) {
    const float* scores = block.scores + row * block.keys;
    Bf16* weights = block.weights + row * block.keys;
    const std::int64_t visible = block.visible[row];
    if (visible > 0) {
      float largest = scores[0];
      for (std::int64_t key = 0; key < visible; ++key)
        largest = scores[key] > largest ? scores[key] : largest;
      largest *= block.scale;
      const float before = block.largest[row];
      largest = before > largest ? before : largest;
      const float shrink = exponential(before - largest);
      float sum = 0;
      for (std::int64_t key = 0; key < visible; ++key) {
        const float weight = exponential(scores[key] * block.scale - largest);
        sum += weight;
        narrow(weight, weights[key]);
      }
      block.largest[row] = largest;
      block.sum[row] = block.sum[row] * shrink + sum;
      float* gathered = block.gathered + row * block.width;
      for (std::int64_t i = 0; i < block.width; ++i) gathered[i] *= shrink;
    }
    for (std::int64_t key = visible > 0 ? visible : 0; key < block.keys; ++key) weights[key] = 0;
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void run(
    const SlopeBlock& block) {
  const std::int64_t rows = block.rows;
  for (std::int64_t key = 0; key < block.keys; ++key) {
    const float* scores = block.scores + key * rows;
    const float* along = block.along + key * rows;
    Bf16* weights = block.weights + key * rows;
    Bf16* slopes = block.slopes + key * rows;
    const auto index = static_cast<std::int32_t>(key);
    for (std::int64_t row = 0; row < rows; ++row) {
      const float weight = exponential(scores[row] * block.scale - block.lse[row]);
      const float seen = index < block.visible[row] ? weight : 0.0F;
      narrow(seen, weights[row]);
      narrow(seen * (along[row] - block.offset[row]) * block.scale, slopes[row]);
    }
  }
  for (std::int64_t key = 0; key < block.keys; key += 2) {
    const Bf16* first = block.slopes + key * rows;
    const Bf16* second = first + rows;
    Bf16* pairs = block.paired_slopes + key * rows;
    for (std::int64_t row = 0; row < rows; ++row) {
      pairs[2 * row] = first[row];
      pairs[2 * row + 1] = second[row];
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] float dot(
    const Bf16* a, const Bf16* b, std::int64_t width) {
  float sum = 0;
  for (std::int64_t i = 0; i < width; ++i) sum += widen(a[i]) * widen(b[i]);
  return sum;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void narrow_row(
    const float* row, std::int64_t width, float factor, Bf16* into) {
  for (std::int64_t i = 0; i < width; ++i) narrow(row[i] * factor, into[i]);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void narrow_columns(
    const float* turned,
    std::int64_t columns,
    std::int64_t count,
    std::int64_t width,
    Bf16* into,
    std::int64_t stride) {
  for (std::int64_t column = 0; column < count; ++column) {
    for (std::int64_t i = 0; i < width; ++i)
      narrow(turned[i * columns + column], into[column * stride + i]);
  }
}

}  // namespace vragent::ops::cpu
