// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Scalars of the CPU kernels, written so that loops over them become vector instructions.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace vragent::ops::cpu {

/// The bits of a bfloat16.
using Bf16 = std::uint16_t;

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
  const std::uint32_t nearest = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  into = static_cast<Bf16>(is_nan ? 0x7FC0U : nearest);
}

/// What is left of x after it has been stored as a T.
template <class T>
inline float rounded(float x) {
  T stored;
  narrow(x, stored);
  return widen(stored);
}

/// e^x to about 2 units in the last place: 2^n * e^r with |r| <= ln(2) / 2 and e^r as a polynomial.
/// 0 for x below -87, and no overflow above 88; NaN stays NaN.
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
  const float scaled = x < -87.0F ? 0.0F : e * std::bit_cast<float>(power);
  return x != x ? x : scaled;
}

inline float sigmoid(float x) {
  return 1.0F / (1.0F + exponential(-x));
}

}  // namespace vragent::ops::cpu
