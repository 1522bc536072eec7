// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/util/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace vragent {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

std::uint64_t finalise(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

std::uint64_t rotate(std::uint64_t x, unsigned k) {
  return (x << k) | (x >> (64U - k));
}

}  // namespace

std::uint64_t mix_seed(std::uint64_t seed, std::initializer_list<std::uint64_t> parts) {
  std::uint64_t mixed = finalise(seed + kGolden);
  for (const std::uint64_t part : parts)
    mixed = finalise(mixed + kGolden + finalise(part + kGolden));
  return mixed;
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return finalise(hash + kGolden);
}

std::string to_hex(std::uint64_t value) {
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4U) digits[i] = "0123456789abcdef"[value & 15U];
  return digits;
}

RandomStream::RandomStream(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += kGolden;
    word = finalise(seed);
  }
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view name)
    : RandomStream(mix_seed(seed, {hash_text(name)})) {}

std::uint64_t RandomStream::next() {
  const std::uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotate(state_[3], 45);
  return result;
}

double RandomStream::uniform() {
  return static_cast<double>(next() >> 11U) * 0x1.0p-53;
}

std::int64_t RandomStream::below(std::int64_t bound) {
  const auto range = static_cast<std::uint64_t>(std::max<std::int64_t>(bound, 1));
  const std::uint64_t limit = ~std::uint64_t{0} - (~std::uint64_t{0} % range + 1) % range;
  std::uint64_t draw = next();
  while (draw > limit) draw = next();
  return static_cast<std::int64_t>(draw % range);
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

double RandomStream::gumbel() {
  return -std::log(-std::log(1.0 - uniform()) + 1e-300);
}

std::int64_t RandomStream::poisson(double mean) {
  const double floor = std::exp(-mean);
  std::int64_t count = 0;
  for (double product = uniform(); product > floor; product *= uniform()) ++count;
  return count;
}

std::vector<std::int64_t> RandomStream::sample(std::int64_t bound, std::int64_t count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(bound));
  std::iota(all.begin(), all.end(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    std::swap(all[static_cast<std::size_t>(i)],
              all[static_cast<std::size_t>(i + below(bound - i))]);
  }
  all.resize(static_cast<std::size_t>(count));
  return all;
}

}  // namespace vragent
