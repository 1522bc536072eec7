// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled with -O3 and re-associated sums (src/CMakeLists.txt), once for each of the instruction
// sets that the attribute names; the right one is chosen when the program starts.
#include "ops/kernels/cpu_kernels.h"

#include <cmath>

namespace vragent::ops::cpu {
namespace {

template <class T>
inline void rms_norm(const RmsNorm<T>& task, std::int64_t begin, std::int64_t end) {
  const std::int64_t width = task.width;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = task.x + row * width;
    T* y = task.y + row * width;
    float sum = 0;
    for (std::int64_t i = 0; i < width; ++i) sum += widen(x[i]) * widen(x[i]);
    const float scale = 1.0F / std::sqrt(sum / static_cast<float>(width) + task.eps);
    task.scale[row] = scale;
    for (std::int64_t i = 0; i < width; ++i)
      narrow(widen(task.weight[i]) * rounded<T>(widen(x[i]) * scale), y[i]);
  }
}

template <class T>
inline void rms_norm_backward(const RmsNormBackward<T>& task,
                              std::int64_t begin,
                              std::int64_t end) {
  const std::int64_t width = task.width;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* g = task.grad + row * width;
    const T* x = task.x + row * width;
    T* dx = task.x_grad + row * width;
    const float scale = task.scale[row];
    float along = 0;
    for (std::int64_t i = 0; i < width; ++i)
      along += widen(g[i]) * widen(task.weight[i]) * widen(x[i]);
    const float pull = along * scale * scale * scale / static_cast<float>(width);
    for (std::int64_t i = 0; i < width; ++i) {
      narrow(widen(g[i]) * widen(task.weight[i]) * scale - widen(x[i]) * pull, dx[i]);
      task.weight_grad[i] += widen(g[i]) * (widen(x[i]) * scale);
    }
  }
}

template <class T>
inline void rotate(const Rotate<T>& task, std::int64_t begin, std::int64_t end) {
  const std::int64_t half = task.width / 2;
  for (std::int64_t token = begin; token < end; ++token) {
    const T* cosines = task.cosines + token * task.width;
    const T* sines = task.sines + token * task.width;
    for (std::int64_t head = 0; head < task.heads; ++head) {
      const T* x = task.x + token * task.token_stride + head * task.width;
      T* y = task.y + (token * task.heads + head) * task.width;
      if (!task.transposed) {
        for (std::int64_t i = 0; i < half; ++i) {
          const float a = widen(x[i]);
          const float b = widen(x[i + half]);
          narrow(rounded<T>(a * widen(cosines[i])) + rounded<T>(-b * widen(sines[i])), y[i]);
          narrow(rounded<T>(b * widen(cosines[i + half])) + rounded<T>(a * widen(sines[i + half])),
                 y[i + half]);
        }
      } else {
        for (std::int64_t i = 0; i < half; ++i) {
          const float a = widen(x[i]);
          const float b = widen(x[i + half]);
          narrow(a * widen(cosines[i]) + b * widen(sines[i + half]), y[i]);
          narrow(b * widen(cosines[i + half]) - a * widen(sines[i]), y[i + half]);
        }
      }
    }
  }
}

template <class T>
inline void swiglu(const SwiGlu<T>& task, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gates = task.gate + row * task.stride;
    const T* ups = task.up + row * task.stride;
    T* y = task.y + row * task.width;
    for (std::int64_t i = 0; i < task.width; ++i) {
      const float gate = widen(gates[i]);
      narrow(rounded<T>(gate * sigmoid(gate)) * widen(ups[i]), y[i]);
    }
  }
}

template <class T>
inline void quick_gelu(const QuickGelu<T>& task, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const float x = widen(task.x[i]);
    narrow(x * rounded<T>(sigmoid(rounded<T>(1.702F * x))), task.y[i]);
  }
}

template <class T>
inline void swiglu_backward(const SwiGluBackward<T>& task, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const float g = widen(task.grad[i]);
    const float gate = widen(task.gate[i]);
    const float s = sigmoid(gate);
    narrow(g * widen(task.up[i]) * s * (1.0F + gate * (1.0F - s)), task.gate_grad[i]);
    narrow(g * gate * s, task.up_grad[i]);
  }
}

}  // namespace

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const RmsNorm<float>& task, std::int64_t begin, std::int64_t end) {
  rms_norm(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const RmsNorm<Bf16>& task, std::int64_t begin, std::int64_t end) {
  rms_norm(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const RmsNormBackward<float>& task, std::int64_t begin, std::int64_t end) {
  rms_norm_backward(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const RmsNormBackward<Bf16>& task, std::int64_t begin, std::int64_t end) {
  rms_norm_backward(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const Rotate<float>& task, std::int64_t begin, std::int64_t end) {
  rotate(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const Rotate<Bf16>& task, std::int64_t begin, std::int64_t end) {
  rotate(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const SwiGlu<float>& task, std::int64_t begin, std::int64_t end) {
  swiglu(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const SwiGlu<Bf16>& task, std::int64_t begin, std::int64_t end) {
  swiglu(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const QuickGelu<float>& task, std::int64_t begin, std::int64_t end) {
  quick_gelu(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const QuickGelu<Bf16>& task, std::int64_t begin, std::int64_t end) {
  quick_gelu(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const SwiGluBackward<float>& task, std::int64_t begin, std::int64_t end) {
  swiglu_backward(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(
    const SwiGluBackward<Bf16>& task, std::int64_t begin, std::int64_t end) {
  swiglu_backward(task, begin, end);
}

}  // namespace vragent::ops::cpu
