// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Rows of logits on the CPU: softmax(logits / temperature) at the target, its entropy, and the
// gradients of both, each in one or two passes over the row and without another matrix of its size.
// Rows [begin, end) only: callers share the rows out over threads.
#pragma once

#include <cstdint>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::ops::cpu {

template <class T>
struct LogitRows {
  const T* logits;              ///< [rows, width]
  const std::int64_t* targets;  ///< [rows], columns
  float* log_probs;             ///< [rows], of the targets
  float* lse;                   ///< [rows], log of the sum of exp(logits / temperature)
  float* entropy;               ///< [rows]
  std::int64_t width;
  float temperature;
};

void run(const LogitRows<float>& task, std::int64_t begin, std::int64_t end);
void run(const LogitRows<Bf16>& task, std::int64_t begin, std::int64_t end);

/// What the gradients of log_probs and entropy make those of the logits.
template <class T>
struct LogitGradients {
  const T* logits;                  ///< [rows, width]
  T* gradients;                     ///< [rows, width]; may be the logits
  const std::int64_t* targets;      ///< [rows]
  const float* lse;                 ///< [rows], as LogitRows wrote it
  const float* entropy;             ///< [rows], the same
  const float* log_prob_gradients;  ///< [rows]
  const float* entropy_gradients;   ///< [rows], or null: none
  std::int64_t width;
  float temperature;
};

void run(const LogitGradients<float>& task, std::int64_t begin, std::int64_t end);
void run(const LogitGradients<Bf16>& task, std::int64_t begin, std::int64_t end);

}  // namespace vragent::ops::cpu
