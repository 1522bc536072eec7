// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled like cpu_kernels.cpp. Sums run in float32 over a block and in double over blocks.
#include "vragent/ops/kernels/cpu_logit_rows.h"

#include <algorithm>

namespace vragent::ops::cpu {
namespace {

constexpr std::int64_t kBlock = 1024;

template <class T>
inline void measure(const LogitRows<T>& task, std::int64_t begin, std::int64_t end) {
  const float scale = 1.0F / task.temperature;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* logits = task.logits + row * task.width;
    float largest = widen(logits[0]);
    for (std::int64_t i = 0; i < task.width; ++i) {
      const float logit = widen(logits[i]);
      largest = logit > largest ? logit : largest;
    }
    double total = 0;
    double weighted = 0;
    for (std::int64_t first = 0; first < task.width; first += kBlock) {
      const std::int64_t last = std::min(first + kBlock, task.width);
      float sum = 0;
      float below = 0;
      for (std::int64_t i = first; i < last; ++i) {
        const float gap = (widen(logits[i]) - largest) * scale;
        const float weight = exponential(gap);
        sum += weight;
        below += weight * gap;
      }
      total += static_cast<double>(sum);
      weighted += static_cast<double>(below);
    }
    const double log_total = std::log(total);
    const float target = widen(logits[task.targets[row]]);
    task.lse[row] = static_cast<float>(static_cast<double>(largest * scale) + log_total);
    task.log_probs[row] =
        static_cast<float>(static_cast<double>((target - largest) * scale) - log_total);
    task.entropy[row] = static_cast<float>(log_total - weighted / total);
  }
}

template <class T>
inline void differentiate(const LogitGradients<T>& task, std::int64_t begin, std::int64_t end) {
  const float scale = 1.0F / task.temperature;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* logits = task.logits + row * task.width;
    T* gradients = task.gradients + row * task.width;
    const float lse = task.lse[row];
    const float entropy = task.entropy[row];
    const float of_log_prob = task.log_prob_gradients[row] * scale;
    const float of_entropy =
        task.entropy_gradients == nullptr ? 0.0F : task.entropy_gradients[row] * scale;
    const std::int64_t target = task.targets[row];
    const float share = exponential(widen(logits[target]) * scale - lse);
    const float at_target = of_log_prob * (1.0F - share) -
                            of_entropy * share * (widen(logits[target]) * scale - lse + entropy);
    for (std::int64_t i = 0; i < task.width; ++i) {
      const float log_share = widen(logits[i]) * scale - lse;
      const float factor = of_log_prob + of_entropy * (log_share + entropy);
      narrow(-exponential(log_share) * factor, gradients[i]);
    }
    narrow(at_target, gradients[target]);
  }
}

}  // namespace

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const LogitRows<float>& task, std::int64_t begin, std::int64_t end) {
  measure(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const LogitRows<Bf16>& task, std::int64_t begin, std::int64_t end) {
  measure(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const LogitGradients<float>& task, std::int64_t begin, std::int64_t end) {
  differentiate(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const LogitGradients<Bf16>& task, std::int64_t begin, std::int64_t end) {
  differentiate(task, begin, end);
}

}  // namespace vragent::ops::cpu
