// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/kernels/bf16_multiply.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VRAGENT_VECTORS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define VRAGENT_TILES \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))

namespace vragent::ops::bf16 {
namespace {

constexpr std::int64_t kRowBytes = kBlock * 4;  ///< of a row of sums
constexpr std::int64_t kAhead = 8;              ///< steps of the weight fetched before use
constexpr std::int64_t kRowsAhead = 512;        ///< bytes of a row fetched before use
constexpr std::int64_t kRowsAtOnce = 8;         ///< whose sums stay in registers

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

/// The tile instructions do not tell the compiler what they read: it must be in memory before them.
inline void finish_writes(const void* where) {
  asm volatile("" : : "r"(where) : "memory");
}

/// Tiles 0-3: sums of two row tiles x two output tiles; 4, 5: rows; 6, 7: weights.
VRAGENT_TILES void configure(std::int64_t first_rows, std::int64_t second_rows) {
  TileConfig config;
  const auto upper = static_cast<std::uint8_t>(first_rows);
  const auto lower = static_cast<std::uint8_t>(second_rows > 0 ? second_rows : 1);
  const std::uint8_t rows[8] = {upper, upper, lower, lower, upper, lower, 16, 16};
  for (int tile = 0; tile < 8; ++tile) {
    config.rows[tile] = rows[tile];
    config.row_bytes[tile] = 64;
  }
  finish_writes(&config);
  _tile_loadconfig(&config);
}

/// Ask for what a later step reads. Inlined: g++ takes a call that only prefetches for no work.
[[gnu::always_inline]] inline void fetch_weight(const char* weight) {
  for (std::int64_t line = 0; line < kStepBytes; line += 64)
    _mm_prefetch(weight + kAhead * kStepBytes + line, _MM_HINT_T1);
}

[[gnu::always_inline]] inline void fetch_ahead(const Part& part,
                                               const char* x,
                                               const char* second,
                                               const char* weight) {
  if (part.fetch == Fetch::kNothing) return;
  if (part.fetch == Fetch::kWeight) return fetch_weight(weight);
  for (std::int64_t row = 0; row < kTileRows; ++row) {
    const std::int64_t shift = row * part.row_stride + kRowsAhead;
    _mm_prefetch(x + shift, _MM_HINT_T0);
    _mm_prefetch(second + shift, _MM_HINT_T0);
  }
}

VRAGENT_TILES void multiply_tiles(const Part& part) {
  float* sums = part.sums;
  float* second_sums = sums + kTileRows * kBlock;
  const auto* a = reinterpret_cast<const char*>(part.x);
  const auto* second = reinterpret_cast<const char*>(part.second_x);
  const auto* b = reinterpret_cast<const char*>(part.weight);
  const std::int64_t row_stride = part.row_stride;
  const bool two_row_tiles = part.rows > kTileRows;
  finish_writes(a);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  if (two_row_tiles) {
    for (std::int64_t step = 0; step < part.steps; ++step) {
      fetch_ahead(part, a, second, b);
      _tile_loadd(6, b, 64);
      _tile_loadd(4, a, row_stride);
      _tile_loadd(5, second, row_stride);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b + kTileBytes, 64);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
      a += part.step_stride;
      second += part.step_stride;
      b += kStepBytes;
    }
  } else {
    for (std::int64_t step = 0; step < part.steps; ++step) {
      fetch_ahead(part, a, second, b);
      _tile_loadd(4, a, row_stride);
      _tile_loadd(6, b, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b + kTileBytes, 64);
      _tile_dpbf16ps(1, 4, 7);
      a += part.step_stride;
      b += kStepBytes;
    }
  }
  _tile_stored(0, sums, kRowBytes);
  _tile_stored(1, sums + kTileRows, kRowBytes);
  if (two_row_tiles) {
    _tile_stored(2, second_sums, kRowBytes);
    _tile_stored(3, second_sums + kTileRows, kRowBytes);
  }
}

[[gnu::always_inline]] VRAGENT_VECTORS inline __m512bh pairs_at(const void* from) {
  return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from));
}

/// One pair of inputs in all places.
[[gnu::always_inline]] VRAGENT_VECTORS inline __m512bh spread_pair(const char* from) {
  std::int32_t pair = 0;
  std::memcpy(&pair, from, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

/// kRows rows, the first at x, by the block of the weight. Sums of a pair are added in the order of
/// the inputs.
template <int kRows>
VRAGENT_VECTORS void multiply_rows(const Part& part, const char* x, float* sums) {
  __m512 low[kRows];
  __m512 high[kRows];
  for (int row = 0; row < kRows; ++row) low[row] = high[row] = _mm512_setzero_ps();
  const auto* b = reinterpret_cast<const char*>(part.weight);
  const std::int64_t row_stride = part.row_stride;
  for (std::int64_t step = 0; step < part.steps; ++step) {
    if (part.fetch == Fetch::kWeight) fetch_weight(b);
    for (int pair = 0; pair < 16; ++pair) {
      const __m512bh first = pairs_at(b + pair * 64);
      const __m512bh second = pairs_at(b + kTileBytes + pair * 64);
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        const __m512bh inputs = spread_pair(x + row * row_stride + pair * 4);
        low[row] = _mm512_dpbf16_ps(low[row], inputs, first);
        high[row] = _mm512_dpbf16_ps(high[row], inputs, second);
      }
    }
    x += part.step_stride;
    b += kStepBytes;
  }
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row) {
    _mm512_store_ps(sums + row * kBlock, low[row]);
    _mm512_store_ps(sums + row * kBlock + kTileRows, high[row]);
  }
}

void multiply_vectors(const Part& part) {
  using Rows = void (*)(const Part&, const char*, float*);
  static constexpr Rows kBySize[kRowsAtOnce] = {multiply_rows<1>,
                                                multiply_rows<2>,
                                                multiply_rows<3>,
                                                multiply_rows<4>,
                                                multiply_rows<5>,
                                                multiply_rows<6>,
                                                multiply_rows<7>,
                                                multiply_rows<8>};
  Part rest = part;
  for (std::int64_t row = 0; row < part.rows; row += kRowsAtOnce) {
    const bool is_first = row < kTileRows;
    const auto* x = reinterpret_cast<const char*>(is_first ? part.x : part.second_x);
    const std::int64_t count = std::min(kRowsAtOnce, part.rows - row);
    kBySize[count - 1](
        rest, x + (is_first ? row : row - kTileRows) * part.row_stride, part.sums + row * kBlock);
    rest.fetch = Fetch::kNothing;  // the block is near now
  }
}

constexpr std::int64_t kOutputsAtOnce = 4;

/// kRows rows by four outputs.
template <int kRows>
VRAGENT_VECTORS void dot_four(const PlainProduct& task, std::int64_t row, std::int64_t output) {
  __m512 sums[kOutputsAtOnce][kRows];
  for (auto& of_output : sums)
    for (__m512& sum : of_output) sum = _mm512_setzero_ps();
  const std::int64_t last = std::min(kOutputsAtOnce, task.out - output) - 1;
  const Bf16* weight[kOutputsAtOnce];
  for (std::int64_t o = 0; o < kOutputsAtOnce; ++o)  // behind the end the last one again
    weight[o] = task.weight + (output + std::min(o, last)) * task.in;
  for (std::int64_t i = 0; i < task.in; i += kBlock) {
    __m512bh inputs[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) inputs[r] = pairs_at(task.x + (row + r) * task.in + i);
#pragma GCC unroll 4
    for (int o = 0; o < kOutputsAtOnce; ++o) {
      const __m512bh weights = pairs_at(weight[o] + i);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sums[o][r] = _mm512_dpbf16_ps(sums[o][r], inputs[r], weights);
    }
  }
  for (std::int64_t o = 0; o <= last; ++o) {
    const float bias = task.bias == nullptr ? 0 : cpu::widen(task.bias[output + o]);
    for (int r = 0; r < kRows; ++r)
      cpu::narrow(_mm512_reduce_add_ps(sums[o][r]) + bias,
                  task.y[(row + r) * task.out + output + o]);
  }
}

Unit ask_system() {
  // These ask for the system's leave too.
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512bf16"))
    return Unit::kNone;
  constexpr unsigned kAmxBf16Bit = 1U << 22U;  // leaf 7, EDX
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  const bool has_tiles =
      __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxBf16Bit) != 0;
  const char* set = std::getenv("VRAGENT_BF16");  // NOLINT(concurrency-mt-unsafe)
  const std::string_view asked = set == nullptr ? "" : set;
  if (asked == "none") return Unit::kNone;
  if (!has_tiles || asked == "vectors") return Unit::kVectors;
  constexpr long kAskForState = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0 ? Unit::kTiles : Unit::kVectors;
}

VRAGENT_TILES void release_tiles() {
  _tile_release();
}

}  // namespace

Unit unit() {
  static const Unit unit = ask_system();
  return unit;
}

Multiplier::~Multiplier() {
  if (tile_rows_ > 0) release_tiles();
}

void Multiplier::run(const Part& part) {
  if (unit() != Unit::kTiles) return multiply_vectors(part);
  if (part.rows != tile_rows_) {  // setting them costs as much as a hundred sums
    configure(std::min(kTileRows, part.rows), part.rows - kTileRows);
    tile_rows_ = part.rows;
  }
  multiply_tiles(part);
}

void run_dots(const PlainProduct& task, std::int64_t begin, std::int64_t end) {
  using Rows = void (*)(const PlainProduct&, std::int64_t, std::int64_t);
  static constexpr Rows kBySize[4] = {dot_four<1>, dot_four<2>, dot_four<3>, dot_four<4>};
  for (std::int64_t output = begin; output < end; output += kOutputsAtOnce) {
    for (std::int64_t row = 0; row < task.rows; row += 4)
      kBySize[std::min<std::int64_t>(4, task.rows - row) - 1](task, row, output);
  }
}

}  // namespace vragent::ops::bf16

#else

namespace vragent::ops::bf16 {

Unit unit() {
  return Unit::kNone;
}

Multiplier::~Multiplier() = default;

void Multiplier::run(const Part&) {}

void run_dots(const PlainProduct&, std::int64_t, std::int64_t) {}

}  // namespace vragent::ops::bf16

#endif
