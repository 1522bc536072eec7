// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Row kernels of the small layers on the CPU, one pass over memory each, for contiguous rows of
// float32 or bfloat16 (its bits). Sums are in float32. Rows [begin, end) only: callers share the
// rows out over threads.
#pragma once

#include <cstdint>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::ops::cpu {

/// y = weight * cast(x * scale), scale[row] = 1 / sqrt(mean(x^2) + eps). x, y [rows, width].
template <class T>
struct RmsNorm {
  const T* x;
  const T* weight;
  T* y;
  float* scale;
  std::int64_t width;
  float eps;
};

void run(const RmsNorm<float>& task, std::int64_t begin, std::int64_t end);
void run(const RmsNorm<Bf16>& task, std::int64_t begin, std::int64_t end);

/// Gradients of the above. weight_grad [width] is added to: each caller at the same time wants one
/// of its own.
template <class T>
struct RmsNormBackward {
  const T* grad;
  const T* x;
  const T* weight;
  const float* scale;
  T* x_grad;
  float* weight_grad;
  std::int64_t width;
};

void run(const RmsNormBackward<float>& task, std::int64_t begin, std::int64_t end);
void run(const RmsNormBackward<Bf16>& task, std::int64_t begin, std::int64_t end);

/// Half-split rotation of [tokens, heads, width] by tables [tokens, width]; backwards with
/// `transposed`. `token_stride` elements lie between tokens of x; y is contiguous.
template <class T>
struct Rotate {
  const T* x;
  const T* cosines;
  const T* sines;
  T* y;
  std::int64_t heads;
  std::int64_t width;
  std::int64_t token_stride;
  bool transposed;
};

void run(const Rotate<float>& task, std::int64_t begin, std::int64_t end);
void run(const Rotate<Bf16>& task, std::int64_t begin, std::int64_t end);

/// y = silu(gate) * up. Rows of gate and up are `stride` elements apart, those of y lie close.
template <class T>
struct SwiGlu {
  const T* gate;
  const T* up;
  T* y;
  std::int64_t width;
  std::int64_t stride;
};

void run(const SwiGlu<float>& task, std::int64_t begin, std::int64_t end);
void run(const SwiGlu<Bf16>& task, std::int64_t begin, std::int64_t end);

/// y = x * sigmoid(1.702 x), element by element.
template <class T>
struct QuickGelu {
  const T* x;
  T* y;
};

void run(const QuickGelu<float>& task, std::int64_t begin, std::int64_t end);
void run(const QuickGelu<Bf16>& task, std::int64_t begin, std::int64_t end);

/// Gradients of SwiGlu, element by element.
template <class T>
struct SwiGluBackward {
  const T* grad;
  const T* gate;
  const T* up;
  T* gate_grad;
  T* up_grad;
};

void run(const SwiGluBackward<float>& task, std::int64_t begin, std::int64_t end);
void run(const SwiGluBackward<Bf16>& task, std::int64_t begin, std::int64_t end);

}  // namespace vragent::ops::cpu
