// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled with -O3 and re-associated sums (src/CMakeLists.txt), once for each of the instruction
// sets that the attribute names; the right one is chosen when the program starts.
#include "nn/cpu_kernels.h"

#include <bit>
#include <cmath>

namespace vragent::nn::cpu {
namespace {

inline float widen(float x) {
  return x;
}

inline float widen(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16U);
}

inline void narrow(float x, float& into) {
  into = x;
}

/// To the nearest, ties to even; NaN stays NaN.
inline void narrow(float x, Bf16& into) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  into = static_cast<Bf16>(is_nan ? 0x7FC0U : rounded);
}

/// What is left of x after it has been stored as a T.
template <class T>
inline float rounded(float x) {
  T stored;
  narrow(x, stored);
  return widen(stored);
}

/// e^x to 2 units in the last place: 2^n * e^r with |r| <= ln(2) / 2 and e^r as a polynomial.
inline float exponential(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  const float clamped = x < -87.0F ? -87.0F : (x > 88.0F ? 88.0F : x);
  const float n = std::floor(clamped * kLog2E + 0.5F);
  const float r = (clamped - n * kLn2High) - n * kLn2Low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const float e = (p * r * r + r) + 1.0F;
  const auto power = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127) << 23U;
  const float scaled = e * std::bit_cast<float>(power);
  return x != x ? x : scaled;
}

inline float sigmoid(float x) {
  return 1.0F / (1.0F + exponential(-x));
}

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
    for (std::int64_t i = 0; i < width; ++i) along += widen(g[i]) * widen(task.weight[i]) * widen(x[i]);
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
  for (std::int64_t i = begin; i < end; ++i) {
    const float gate = widen(task.gate[i]);
    narrow(rounded<T>(gate * sigmoid(gate)) * widen(task.up[i]), task.y[i]);
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

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const RmsNorm<float>& task, std::int64_t begin, std::int64_t end) {
  rms_norm(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const RmsNorm<Bf16>& task, std::int64_t begin, std::int64_t end) {
  rms_norm(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const RmsNormBackward<float>& task, std::int64_t begin, std::int64_t end) {
  rms_norm_backward(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const RmsNormBackward<Bf16>& task, std::int64_t begin, std::int64_t end) {
  rms_norm_backward(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const Rotate<float>& task, std::int64_t begin, std::int64_t end) {
  rotate(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const Rotate<Bf16>& task, std::int64_t begin, std::int64_t end) {
  rotate(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const SwiGlu<float>& task, std::int64_t begin, std::int64_t end) {
  swiglu(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const SwiGlu<Bf16>& task, std::int64_t begin, std::int64_t end) {
  swiglu(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const SwiGluBackward<float>& task, std::int64_t begin, std::int64_t end) {
  swiglu_backward(task, begin, end);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), gnu::flatten]] void run(const SwiGluBackward<Bf16>& task, std::int64_t begin, std::int64_t end) {
  swiglu_backward(task, begin, end);
}

}  // namespace vragent::nn::cpu
