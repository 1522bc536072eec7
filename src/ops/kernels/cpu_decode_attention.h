// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Attention of one new token a row over a prefix that rows share and over each row's own tokens,
// on the CPU: keys are read once for all rows of a group, scores and sums stay in float32, and a
// row's result does not depend on the other rows, but for rounding: few queries and many go
// different ways through the keys.
#pragma once

#include <cstdint>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::ops::cpu {

/// Rows [0, rows) of one group.
template <class T>
struct DecodeAttention {
  const T* q;         ///< [rows, heads, width]
  T* out;             ///< the same
  const T* prefix_k;  ///< [prefix_length, kv_heads, width]
  const T* prefix_v;
  const T* own_k;  ///< [slots, capacity, kv_heads, width]
  const T* own_v;
  const std::int64_t* slots;        ///< [rows]
  const std::int64_t* own_lengths;  ///< [rows]
  std::int64_t rows;
  std::int64_t heads;
  std::int64_t kv_heads;
  std::int64_t width;
  std::int64_t prefix_length;
  std::int64_t capacity;
  float scale;
};

/// The query heads that read key head `kv_head`.
void run(const DecodeAttention<float>& task, std::int64_t kv_head);
void run(const DecodeAttention<Bf16>& task, std::int64_t kv_head);

}  // namespace vragent::ops::cpu
