// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// What tiled_attention() and its gradient share: queries cut into tiles, keys into blocks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "ops/kernels/cpu_attention_rows.h"
#include "vragent/ops/packed_attention.h"

namespace vragent::ops::tiles {

using cpu::Bf16;

inline constexpr std::int64_t kRows =
    64;  ///< queries of a tile: tokens times the heads that share keys
inline constexpr std::int64_t kKeyStep = 64;    ///< keys are padded to a multiple of this
inline constexpr std::int64_t kMostKeys = 256;  ///< of a block

inline std::int64_t round_up(std::int64_t x, std::int64_t to) {
  return (x + to - 1) / to * to;
}

inline std::size_t area(std::int64_t rows, std::int64_t columns) {
  return static_cast<std::size_t>(rows * columns);
}

/// c [m, n] (+)= a [m, k] b, b's rows in pairs: [k / 2, n, 2].
void multiply(std::int64_t m,
              std::int64_t n,
              std::int64_t k,
              const Bf16* a,
              std::int64_t a_stride,
              const Bf16* b,
              float* c,
              bool add);

struct Span {
  std::int64_t begin;
  std::int64_t length;
};

/// A sequence with those that branch off it.
struct Family {
  Span root;
  std::vector<Span> branches;
};

std::vector<Family> families_of(const Packing& packing);

/// [N, heads, d] with heads side by side; any stride between tokens.
struct View {
  explicit View(const torch::Tensor& x)
      : data(static_cast<Bf16*>(x.mutable_data_ptr())), stride(x.stride(0)), width(x.size(2)) {}

  [[nodiscard]] Bf16* at(std::int64_t token, std::int64_t head) const {
    return data + token * stride + head * width;
  }

  [[nodiscard]] cpu::Rows rows(Span tokens, std::int64_t head) const {
    return {at(tokens.begin, head), stride, tokens.length, width};
  }

  Bf16* data;
  std::int64_t stride;
  std::int64_t width;
};

/// x, or a copy whose heads lie side by side.
torch::Tensor with_dense_heads(const torch::Tensor& x);

struct Problem {
  Problem(const torch::Tensor& q_tensor, const LayerKv& kv, const Packing& packing)
      : q(q_tensor),
        k(kv.k),
        v(kv.v),
        causal(packing.causal),
        width(q_tensor.size(2)),
        times(q_tensor.size(1) / kv.k.size(1)),
        heads(q_tensor.size(1)),
        scale(1.0F / std::sqrt(static_cast<float>(q_tensor.size(2)))) {}

  [[nodiscard]] std::int64_t tile_tokens() const { return kRows / times; }

  View q;
  View k;
  View v;
  bool causal;
  std::int64_t width;
  std::int64_t times;  ///< query heads that read one key head
  std::int64_t heads;
  float scale;
};

/// Some tokens of a sequence, with all query heads of one key head: row r is token r / times.
struct Tile {
  Span sequence;
  std::int64_t first;   ///< token, counted in the sequence
  std::int64_t tokens;  ///< at most kRows / times
};

/// A tile's rows of x, which has the query heads: [kRows, width], zeros behind them.
void copy_tile(
    const View& x, const Problem& problem, const Tile& tile, std::int64_t kv_head, Bf16* into);

/// Calls with every tile of a sequence.
template <class Task>
void for_each_tile(Span sequence, const Problem& problem, Task task) {
  const std::int64_t step = problem.tile_tokens();
  for (std::int64_t first = 0; first < sequence.length; first += step)
    task(Tile{sequence, first, std::min(step, sequence.length - first)});
}

/// Calls with the blocks of keys that a tile sees: begin, size, and how many of them each row sees.
/// @param is_own keys of the tile's own sequence
template <class Task>
void for_each_block(
    const Problem& problem, const Tile& tile, std::int64_t num_keys, bool is_own, Task task) {
  const bool is_causal = is_own && problem.causal;
  const std::int64_t seen = is_causal ? tile.first + tile.tokens : num_keys;
  std::int32_t visible[kRows];
  for (std::int64_t begin = 0; begin < seen; begin += kMostKeys) {
    const std::int64_t size = std::min(kMostKeys, round_up(seen - begin, kKeyStep));
    for (std::int64_t row = 0; row < kRows; ++row) {
      const std::int64_t token = row / problem.times;
      const std::int64_t limit = is_causal ? tile.first + token + 1 : num_keys;
      visible[row] =
          token >= tile.tokens
              ? 0
              : static_cast<std::int32_t>(std::clamp<std::int64_t>(limit - begin, 0, size));
    }
    task(begin, size, visible);
  }
}

/// Gives the matrix unit back; each thread that multiplied calls it.
void release_tiles();

/// Runs every family and key head, each by one thread.
template <class MakeWorker>
void run_families(const Packing& packing, std::int64_t kv_heads, MakeWorker make_worker) {
  const std::vector<Family> families = families_of(packing);
  const std::int64_t jobs = std::ssize(families) * kv_heads;
  at::parallel_for(0, jobs, 1, [&](std::int64_t begin, std::int64_t end) {
    auto worker = make_worker();
    for (std::int64_t job = begin; job < end; ++job)
      worker.family(families[static_cast<std::size_t>(job / kv_heads)], job % kv_heads);
    release_tiles();
  });
}

}  // namespace vragent::ops::tiles
