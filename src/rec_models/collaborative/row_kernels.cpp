// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled with -O3 and re-associated sums (src/CMakeLists.txt), once for each of the instruction
// sets that the attribute names; the right one is chosen when the program starts.
#include "rec_models/collaborative/row_kernels.h"

namespace vragent::rec_models::collaborative {
namespace {

template <class T>
inline void multiply(const SparseProduct<T>& task, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    T* y = task.y + row * task.width;
    for (std::int64_t i = 0; i < task.width; ++i) y[i] = 0;
    for (std::int64_t e = task.offsets[row]; e < task.offsets[row + 1]; ++e) {
      const T* x = task.x + task.neighbours[e] * task.width;
      const T weight = task.weights[e];
      for (std::int64_t i = 0; i < task.width; ++i) y[i] += weight * x[i];
    }
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
