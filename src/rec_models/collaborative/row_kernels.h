// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Loops over rows of numbers on the CPU, without torch. Callers share the rows out over threads.
#pragma once

#include <cstdint>

namespace vragent::rec_models::collaborative {

/// A sparse matrix by rows times dense rows: y[r] = scale (added[r] + sum_e weights[e]
/// x[neighbours[e]]) over the entries e of row r. x, y, added [rows, width], contiguous; nothing is
/// added where `added` is null.
template <class T>
struct SparseProduct {
  const std::int64_t* offsets;
  const std::int64_t* neighbours;
  const T* weights;
  const T* x;
  T* y;
  std::int64_t width;
  const T* added = nullptr;
  T scale = 1;
};

void run(const SparseProduct<float>& task, std::int64_t begin, std::int64_t end);
void run(const SparseProduct<double>& task, std::int64_t begin, std::int64_t end);

/// scores[r, c] = sum_k w[k] max(0, a[r, k] + b[c, k]) for all r and for c in [begin, end):
/// the last two layers of a network whose first one splits into two inputs. scores [rows, columns].
template <class T>
struct ReluProduct {
  const T* a;  ///< [rows, width]
  const T* b;  ///< [columns, width]
  const T* w;  ///< [width]
  T* scores;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t width;
};

void run(const ReluProduct<float>& task, std::int64_t begin, std::int64_t end);
void run(const ReluProduct<double>& task, std::int64_t begin, std::int64_t end);

}  // namespace vragent::rec_models::collaborative
