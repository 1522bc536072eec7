// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Randomness that is the same on every machine: one seed, split by name into independent streams,
// and distributions written out here because those of the standard library differ between
// implementations.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vragent {

/// A 64-bit mix of a seed with more numbers (SplitMix64 finaliser): the key of a stream or of one
/// draw.
std::uint64_t mix_seed(std::uint64_t seed, std::initializer_list<std::uint64_t> parts);

/// A stable 64-bit hash of text (FNV-1a, then mixed).
std::uint64_t hash_text(std::string_view text);

/// Sixteen hexadecimal digits of a 64-bit number.
std::string to_hex(std::uint64_t value);

/// A stream of random numbers (xoshiro256++, seeded through SplitMix64).
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed);

  /// The stream `name` of a seed, for example {7, "shuffle"}.
  RandomStream(std::uint64_t seed, std::string_view name);

  std::uint64_t next();

  /// Uniform in [0, 1), 53 bits.
  double uniform();

  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in 0 .. bound-1, without bias. @param bound at least 1
  std::int64_t below(std::int64_t bound);

  /// Standard normal (Box-Muller, one value a call).
  double normal();

  /// Standard Gumbel: argmax of score + gumbel() draws from softmax(score).
  double gumbel();

  /// Poisson with a small mean (multiplication method).
  std::int64_t poisson(double mean);

  /// True with this probability.
  bool chance(double probability) { return uniform() < probability; }

  /// Shuffles in place (Fisher-Yates).
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
    }
  }

  template <class T>
  const T& pick(const std::vector<T>& items) {
    return items[static_cast<std::size_t>(below(static_cast<std::int64_t>(items.size())))];
  }

  /// `count` distinct numbers of 0 .. bound-1 in random order. @param count at most bound
  std::vector<std::int64_t> sample(std::int64_t bound, std::int64_t count);

 private:
  std::uint64_t state_[4] = {};
};

}  // namespace vragent
