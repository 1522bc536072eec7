// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/kernels/bf16_linear.h"

#include <algorithm>
#include <cstring>
#include <vector>

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>

#define VRAGENT_VECTORS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace vragent::ops::bf16 {
namespace {

constexpr std::int64_t kPanelBytes = 1 << 20;  ///< of rows that stay in the second cache
constexpr std::int64_t kFewestPanelRows = 128;
constexpr std::int64_t kMostPanelRows = 512;

/// Adds the bias to sums [rows, 32] and stores `width` of each row as bfloat16.
VRAGENT_VECTORS void finish(const float* sums,
                            std::int64_t rows,
                            const Bf16* bias,
                            std::int64_t width,
                            Bf16* y,
                            std::int64_t y_row) {
  for (std::int64_t half = 0; half < width; half += kTileRows) {
    const auto count = static_cast<unsigned>(std::min(kTileRows, width - half));
    const auto mask = static_cast<__mmask16>((1U << count) - 1U);
    __m512 added = _mm512_setzero_ps();
    if (bias != nullptr) {
      const __m256i bits = _mm256_maskz_loadu_epi16(mask, bias + half);
      added = _mm512_castsi512_ps(
          _mm512_maskz_slli_epi32(mask, _mm512_maskz_cvtepu16_epi32(mask, bits), 16));
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      const __m512 sum = _mm512_add_ps(_mm512_load_ps(sums + row * kBlock + half), added);
      const __m256bh narrow = _mm512_cvtneps_pbh(sum);
      _mm256_mask_storeu_epi16(
          y + row * y_row + half, mask, reinterpret_cast<const __m256i&>(narrow));
    }
  }
}

/// Rows that are multiplied with a block of the weight before the next: as many as stay in the
/// second cache.
std::int64_t panel_rows(std::int64_t in) {
  return std::clamp(kPanelBytes / (in * 2) / kBlock * kBlock, kFewestPanelRows, kMostPanelRows);
}

/// Transposes 16 x 16 numbers of 32 bits, pairs of bfloat16 here, to the 16 x 64 bytes of a tile.
VRAGENT_VECTORS void turn(__m512i (&x)[16], char* to) {
  __m512i y[16];
  for (int i = 0; i < 16; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  // x[4 g + c] holds column 4 q + c of rows 4 g .. 4 g + 3 in its quarter q.
  for (int c = 0; c < 4; ++c) {
    const __m512i low_even = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88);
    const __m512i low_odd = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xDD);
    const __m512i high_even = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88);
    const __m512i high_odd = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xDD);
    _mm512_storeu_si512(to + (0 + c) * 64, _mm512_shuffle_i32x4(low_even, high_even, 0x88));
    _mm512_storeu_si512(to + (8 + c) * 64, _mm512_shuffle_i32x4(low_even, high_even, 0xDD));
    _mm512_storeu_si512(to + (4 + c) * 64, _mm512_shuffle_i32x4(low_odd, high_odd, 0x88));
    _mm512_storeu_si512(to + (12 + c) * 64, _mm512_shuffle_i32x4(low_odd, high_odd, 0xDD));
  }
}

/// Turns a tile of rows from `from`, `row_bytes` apart. Rows from `rows` on count as zeros.
VRAGENT_VECTORS void turn_tile(const char* from,
                               std::int64_t row_bytes,
                               std::int64_t rows,
                               char* to) {
  __m512i x[16];
  for (std::int64_t i = 0; i < 16; ++i)
    x[i] = i < rows ? _mm512_loadu_si512(from + i * row_bytes) : _mm512_setzero_si512();
  turn(x, to);
}

/// Up to 16 columns of 32 rows as pairs of rows. What lies behind the rows and columns is zeros.
VRAGENT_VECTORS void load_pairs(const Bf16* from,
                                std::int64_t stride,
                                std::int64_t rows,
                                std::int64_t columns,
                                __m512i (&x)[16]) {
  alignas(64) static constexpr std::uint16_t kOrder[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i order = _mm512_load_si512(kOrder);
  const auto count = static_cast<unsigned>(std::clamp<std::int64_t>(columns, 0, kTileRows));
  const auto mask = static_cast<__mmask16>((1U << count) - 1U);
  for (std::int64_t i = 0; i < 16; ++i) {
    const Bf16* row = from + 2 * i * stride;
    const __m256i zeros = _mm256_setzero_si256();
    const __m256i first = 2 * i < rows ? _mm256_maskz_loadu_epi16(mask, row) : zeros;
    const __m256i second = 2 * i + 1 < rows ? _mm256_maskz_loadu_epi16(mask, row + stride) : zeros;
    x[i] = _mm512_permutexvar_epi16(order,
                                    _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1));
  }
}

/// Memory of the thread's own for rows in the order in which tiles read them: tiles of 16 rows, in
/// them steps of 32 inputs. It lasts until the next call.
Bf16* tile_memory(std::int64_t rows, std::int64_t in) {
  static thread_local std::vector<Bf16> ordered;
  const auto size = static_cast<std::size_t>((rows + kTileRows - 1) / kTileRows * kTileRows * in);
  if (ordered.size() < size) ordered.resize(size);
  return ordered.data();
}

/// Rows in the order of tiles.
const Bf16* in_tiles(const Bf16* x, std::int64_t rows, std::int64_t in) {
  Bf16* ordered = tile_memory(rows, in);
  for (std::int64_t row = 0; row < rows; ++row) {
    Bf16* to = ordered + row / kTileRows * kTileRows * in + row % kTileRows * kBlock;
    for (std::int64_t i = 0; i < in; i += kBlock)
      std::memcpy(to + i * kTileRows, x + row * in + i, kBlock * sizeof(Bf16));
  }
  return ordered;
}

/// The same of rows that stand as columns of [in, stride].
VRAGENT_VECTORS const Bf16* columns_in_tiles(const Bf16* x,
                                             std::int64_t rows,
                                             std::int64_t stride,
                                             std::int64_t in) {
  Bf16* ordered = tile_memory(rows, padded(in));
  __m512i pairs[16];
  for (std::int64_t i = 0; i < in; i += kBlock) {
    for (std::int64_t row = 0; row < rows; row += kTileRows) {
      load_pairs(x + i * stride + row, stride, in - i, rows - row, pairs);
      turn(pairs, reinterpret_cast<char*>(ordered + row * padded(in) + i * kTileRows));
    }
  }
  return ordered;
}

/// Some rows in the order of tiles (or plain, where they are few) and where their results go.
struct Panel {
  const Bf16* x;
  Bf16* y;
  std::int64_t rows;
  std::int64_t row_stride;   ///< bytes between rows of a tile
  std::int64_t step_stride;  ///< bytes between steps of inputs
};

/// One panel of rows x one block of outputs.
VRAGENT_VECTORS void run_block(const Product& task,
                               const Panel& panel,
                               std::int64_t block,
                               Multiplier& multiplier) {
  alignas(64) float sums[kBlock * kBlock];
  const std::int64_t in = padded(task.in);
  const std::int64_t column = block * kBlock;
  for (std::int64_t row = 0; row < panel.rows; row += kBlock) {
    const std::int64_t rows = std::min(kBlock, panel.rows - row);
    multiplier.run({.x = panel.x + row * in,
                    .second_x = panel.x + (row + kTileRows) * in,
                    .rows = rows,
                    .row_stride = panel.row_stride,
                    .step_stride = panel.step_stride,
                    .weight = task.packed + column * in,
                    .steps = in / kBlock,
                    .fetch = panel.rows <= kBlock ? Fetch::kWeight : Fetch::kNothing,
                    .sums = sums});
    finish(sums,
           rows,
           task.bias == nullptr ? nullptr : task.bias + column,
           std::min(kBlock, task.out - column),
           panel.y + row * task.out + column,
           task.out);
  }
}

/// finish() for sums that stand the other way round: sums [outputs, 32 rows].
VRAGENT_VECTORS void finish_turned(float* sums,
                                   std::int64_t rows,
                                   const Bf16* bias,
                                   std::int64_t width,
                                   Bf16* y,
                                   std::int64_t y_row) {
  alignas(64) float turned[kBlock * kBlock];
  for (std::int64_t out = 0; out < width; ++out) {
    for (std::int64_t row = 0; row < rows; ++row)
      turned[row * kBlock + out] = sums[out * kBlock + row];
  }
  finish(turned, rows, bias, width, y, y_row);
}

}  // namespace

std::int64_t num_pieces(const Product& task) {
  const std::int64_t panel = panel_rows(padded(task.in));
  return (task.rows + panel - 1) / panel * (padded(task.out) / kBlock);
}

VRAGENT_VECTORS void run(const Product& task, std::int64_t begin, std::int64_t end) {
  const std::int64_t in = padded(task.in);
  const std::int64_t most = panel_rows(in);
  const std::int64_t blocks = padded(task.out) / kBlock;
  Multiplier multiplier;
  for (std::int64_t piece = begin; piece < end;) {
    const std::int64_t first = piece / blocks * most;
    const std::int64_t stop = std::min(end, (piece / blocks + 1) * blocks);
    Panel panel{.x = task.x + first * in,
                .y = task.y + first * task.out,
                .rows = std::min(most, task.rows - first),
                .row_stride = in * 2,
                .step_stride = kBlock * 2};
    if (task.is_turned || panel.rows > kBlock) {
      panel.x = task.is_turned ? columns_in_tiles(task.x + first, panel.rows, task.rows, task.in)
                               : in_tiles(panel.x, panel.rows, in);
      panel.row_stride = kTileBytes / kTileRows;
      panel.step_stride = kTileBytes;
    }
    for (; piece < stop; ++piece) run_block(task, panel, piece % blocks, multiplier);
  }
}

VRAGENT_VECTORS void run(const PlainProduct& task, std::int64_t begin, std::int64_t end) {
  if (unit() != Unit::kTiles)
    return run_dots(task, begin * kBlock, std::min(end * kBlock, task.out));
  alignas(64) float sums[kBlock * kBlock];
  Multiplier multiplier;
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t column = block * kBlock;
    const std::int64_t width = std::min(kBlock, task.out - column);
    const Bf16* weight = task.weight + column * task.in;
    for (std::int64_t row = 0; row < task.rows; row += kBlock) {
      multiplier.run({.x = weight,
                      .second_x = weight + kTileRows * task.in,
                      .rows = width,
                      .row_stride = task.in * 2,
                      .step_stride = kBlock * 2,
                      .weight = task.x + row * task.in,
                      .steps = task.in / kBlock,
                      .fetch = row == 0 ? Fetch::kRows : Fetch::kNothing,
                      .sums = sums});
      finish_turned(sums,
                    std::min(kBlock, task.rows - row),
                    task.bias == nullptr ? nullptr : task.bias + column,
                    width,
                    task.y + row * task.out + column,
                    task.out);
    }
  }
}

VRAGENT_VECTORS void pack(const Bf16* weight,
                          std::int64_t out,
                          std::int64_t in,
                          Bf16* packed,
                          std::int64_t begin,
                          std::int64_t end) {
  const std::int64_t whole = in / kBlock;
  Bf16 last[kBlock * kBlock] = {};  // the step that is not full
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t rows = std::min(kBlock, out - block * kBlock);
    const Bf16* from = weight + block * kBlock * in;
    auto* to = reinterpret_cast<char*>(packed + block * kBlock * padded(in));
    const auto turn_step = [&](const Bf16* x, std::int64_t row_bytes) {
      const auto* bytes = reinterpret_cast<const char*>(x);
      turn_tile(bytes, row_bytes, rows, to);
      turn_tile(bytes + kTileRows * row_bytes, row_bytes, rows - kTileRows, to + kTileBytes);
      to += kStepBytes;
    };
    for (std::int64_t step = 0; step < whole; ++step) turn_step(from + step * kBlock, in * 2);
    if (whole * kBlock == in) continue;
    for (std::int64_t row = 0; row < rows; ++row)
      std::copy(from + row * in + whole * kBlock, from + (row + 1) * in, last + row * kBlock);
    turn_step(last, kBlock * 2);
  }
}

VRAGENT_VECTORS void pack_columns(const Bf16* matrix,
                                  std::int64_t in,
                                  std::int64_t out,
                                  Bf16* packed,
                                  std::int64_t begin,
                                  std::int64_t end) {
  __m512i pairs[16];
  for (std::int64_t i = begin * kBlock; i < end * kBlock; i += kBlock) {
    for (std::int64_t column = 0; column < padded(out); column += kTileRows) {
      load_pairs(matrix + i * out + column, out, in - i, out - column, pairs);
      const std::int64_t block = column / kBlock * kBlock;
      auto* to = reinterpret_cast<char*>(packed + block * padded(in) + i * kBlock) +
                 (column - block) / kTileRows * kTileBytes;
      for (std::int64_t pair = 0; pair < 16; ++pair)
        _mm512_storeu_si512(to + pair * 64, pairs[pair]);
    }
  }
}

}  // namespace vragent::ops::bf16

#else

namespace vragent::ops::bf16 {

std::int64_t num_pieces(const Product&) {
  return 0;
}

void pack(const Bf16*, std::int64_t, std::int64_t, Bf16*, std::int64_t, std::int64_t) {}

void pack_columns(const Bf16*, std::int64_t, std::int64_t, Bf16*, std::int64_t, std::int64_t) {}

void run(const Product&, std::int64_t, std::int64_t) {}

void run(const PlainProduct&, std::int64_t, std::int64_t) {}

}  // namespace vragent::ops::bf16

#endif
