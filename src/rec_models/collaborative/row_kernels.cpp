// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled with -O3 and re-associated sums (src/CMakeLists.txt), once for each of the instruction
// sets that the attribute names; the right one is chosen when the program starts.
#include "rec_models/collaborative/row_kernels.h"

namespace vragent::rec_models::collaborative {
namespace {

constexpr std::int64_t kAhead = 12;  ///< entries whose rows are called for early

template <class T>
using Lanes [[gnu::vector_size(64)]] = T;

template <class T>
using LanesInMemory [[gnu::vector_size(64), gnu::aligned(alignof(T)), gnu::may_alias]] = T;

/// 64 bytes of a row times `kCount`, whose sums stay in registers: columns from `first` on.
/// @param num_entries those of all rows up to the caller's last
template <int kCount, class T>
inline void multiply_lanes(const SparseProduct<T>& task,
                           std::int64_t row,
                           std::int64_t first,
                           std::int64_t num_entries) {
  constexpr std::int64_t kWidth = 64 / sizeof(T);
  Lanes<T> sum[kCount] = {};
  const auto lanes_at = [&](const T* rows, std::int64_t r, int i) {
    return reinterpret_cast<const LanesInMemory<T>*>(rows + r * task.width + first + i * kWidth);
  };
  if (task.added != nullptr) {
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) sum[i] = *lanes_at(task.added, row, i);
  }
  const std::int64_t end = task.offsets[row + 1];
  for (std::int64_t e = task.offsets[row]; e < end; ++e) {
    if (e + kAhead < num_entries) {  // of this row or of the next ones
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i)
        __builtin_prefetch(lanes_at(task.x, task.neighbours[e + kAhead], i));
    }
    const T weight = task.weights[e];
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) sum[i] += weight * *lanes_at(task.x, task.neighbours[e], i);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) {
    T* y = task.y + row * task.width + first + i * kWidth;
    *reinterpret_cast<LanesInMemory<T>*>(y) = sum[i] * task.scale;
  }
}

/// The columns from `first` on that fill no lanes.
template <class T>
inline void multiply_rest(const SparseProduct<T>& task, std::int64_t row, std::int64_t first) {
  T* y = task.y + row * task.width;
  for (std::int64_t i = first; i < task.width; ++i)
    y[i] = task.added == nullptr ? 0 : task.added[row * task.width + i];
  for (std::int64_t e = task.offsets[row]; e < task.offsets[row + 1]; ++e) {
    const T* x = task.x + task.neighbours[e] * task.width;
    for (std::int64_t i = first; i < task.width; ++i) y[i] += task.weights[e] * x[i];
  }
  for (std::int64_t i = first; i < task.width; ++i) y[i] *= task.scale;
}

template <class T>
inline void multiply(const SparseProduct<T>& task, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kWidth = 64 / sizeof(T);
  for (std::int64_t row = begin; row < end; ++row) {
    std::int64_t first = 0;
    for (; first + 4 * kWidth <= task.width; first += 4 * kWidth)
      multiply_lanes<4>(task, row, first, task.offsets[end]);
    for (; first + kWidth <= task.width; first += kWidth)
      multiply_lanes<1>(task, row, first, task.offsets[end]);
    if (first < task.width) multiply_rest(task, row, first);
  }
}

template <class T>
inline void multiply(const ReluProduct<T>& task, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = 0; row < task.rows; ++row) {
    const T* a = task.a + row * task.width;
    for (std::int64_t column = begin; column < end; ++column) {
      const T* b = task.b + column * task.width;
      T sum = 0;
      for (std::int64_t k = 0; k < task.width; ++k) {
        const T x = a[k] + b[k];
        sum += task.w[k] * (x > 0 ? x : 0);
      }
      task.scores[row * task.columns + column] = sum;
    }
  }
}

}  // namespace

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const SparseProduct<float>& task, std::int64_t begin, std::int64_t end) {
  multiply(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const SparseProduct<double>& task, std::int64_t begin, std::int64_t end) {
  multiply(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const ReluProduct<float>& task, std::int64_t begin, std::int64_t end) {
  multiply(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const ReluProduct<double>& task, std::int64_t begin, std::int64_t end) {
  multiply(task, begin, end);
}

}  // namespace vragent::rec_models::collaborative
