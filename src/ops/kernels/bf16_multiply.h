// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Blocks of a product of bfloat16 matrices, with sums in float32: by the CPU's matrix unit (AMX)
// where it has one, else by AVX-512's dot products of pairs.
#pragma once

#include <cstdint>

#include "vragent/ops/kernels/cpu_math.h"

namespace vragent::ops::bf16 {

using cpu::Bf16;

inline constexpr std::int64_t kBlock = 32;     ///< outputs of a block, inputs of a step
inline constexpr std::int64_t kTileRows = 16;  ///< rows, or outputs, of a tile
inline constexpr std::int64_t kTileBytes = 1024;
inline constexpr std::int64_t kStepBytes = 2 * kTileBytes;  ///< of a block of a packed weight

enum class Unit { kNone, kVectors, kTiles };

/// What of this CPU multiplies bfloat16, as far as the system lets this process use it. Asks once.
/// VRAGENT_BF16=vectors in the environment leaves the matrix unit out, =none leaves all to torch.
Unit unit();

/// What is not in a near cache and read for the first time.
enum class Fetch { kNothing, kWeight, kRows };

/// Up to 32 rows x 32 outputs.
struct Part {
  const Bf16* x;             ///< first 16 rows
  const Bf16* second_x;      ///< those behind
  std::int64_t rows;         ///< 1 to 32
  std::int64_t row_stride;   ///< bytes
  std::int64_t step_stride;  ///< bytes
  const Bf16* weight;        ///< a block, in steps of two tiles: pairs of inputs x 16 outputs
  std::int64_t steps;        ///< of 32 inputs
  Fetch fetch;
  float* sums;  ///< [32, 32], `rows` of them written
};

/// Multiplies parts; between them it remembers how the tiles are set up.
class Multiplier {
 public:
  Multiplier() = default;
  ~Multiplier();
  Multiplier(const Multiplier&) = delete;
  Multiplier& operator=(const Multiplier&) = delete;

  void run(const Part& part);

 private:
  std::int64_t tile_rows_ = 0;  ///< the tiles are set to; 0: not yet
};

/// y = x w^T + bias with a weight as it lies in memory. For few rows: with tiles the weight is read
/// once for each 32 of them, without for each 4.
struct PlainProduct {
  const Bf16* x;       ///< [rows, in], with tiles in their order
  const Bf16* weight;  ///< [out, in], in a multiple of 32
  const Bf16* bias;    ///< [out] or nullptr
  Bf16* y;             ///< [rows, out]
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
};

/// Outputs [begin, end) by dot products, without tiles. A number does not depend on the others.
void run_dots(const PlainProduct& task, std::int64_t begin, std::int64_t end);

}  // namespace vragent::ops::bf16
