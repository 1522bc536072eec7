// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/sha256.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "vragent/util/format.h"

namespace vragent {
namespace {

using Words = std::array<std::uint32_t, 8>;

/// The first 32 bits of the fraction of a root.
std::uint32_t fraction_bits(long double root) {
  return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
}

struct Constants {
  Words first{};                        ///< of the square roots of the first 8 primes
  std::array<std::uint32_t, 64> key{};  ///< of the cube roots of the first 64
};

Constants constants() {
  Constants result;
  std::size_t found = 0;
  for (int number = 2; found < result.key.size(); ++number) {
    bool is_prime = true;
    for (int d = 2; d * d <= number; ++d) is_prime = is_prime && number % d != 0;
    if (!is_prime) continue;
    if (found < result.first.size())
      result.first[found] = fraction_bits(std::sqrt(static_cast<long double>(number)));
    result.key[found++] = fraction_bits(std::cbrt(static_cast<long double>(number)));
  }
  return result;
}

void add_block(Words& state, std::string_view block, const Constants& constant) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t i = 0; i < 64; ++i) {
    const auto byte = static_cast<unsigned char>(block[i]);
    w[i / 4] = w[i / 4] << 8U | byte;
  }
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t a = w[i - 15];
    const std::uint32_t b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3U) +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10U);
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t one = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                              ((e & f) ^ (~e & g)) + constant.key[i] + w[i];
    const std::uint32_t two =
        (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + one;
    d = c;
    c = b;
    b = a;
    a = one + two;
  }
  const Words mixed = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += mixed[i];
}

}  // namespace

std::string sha256(std::string_view bytes) {
  static const Constants kConstants = constants();
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8)
    padded += static_cast<char>(bits >> static_cast<unsigned>(shift) & 0xFFU);
  Words state = kConstants.first;
  for (std::size_t at = 0; at < padded.size(); at += 64)
    add_block(state, std::string_view(padded).substr(at, 64), kConstants);
  std::string hex;
  for (const std::uint32_t word : state) hex += formatted("{:08x}", word);
  return hex;
}

}  // namespace vragent
