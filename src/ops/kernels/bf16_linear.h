// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Products of bfloat16 rows with a weight in the order in which the CPU multiplies it: blocks of 32
// outputs, in them steps of 32 inputs, in them two tiles of 16 outputs. One pass over the weight
// serves up to 32 rows, at the speed of memory. Only where unit() is not kNone.
#pragma once

#include <cstdint>

#include "ops/kernels/bf16_multiply.h"

namespace vragent::ops::bf16 {

inline std::int64_t padded(std::int64_t width) {
  return (width + kBlock - 1) / kBlock * kBlock;
}

/// weight [out, in], rows `in` apart -> packed [padded(out) * padded(in)], zeros where it is
/// padded. Blocks [begin, end) of outputs only.
void pack(const Bf16* weight,
          std::int64_t out,
          std::int64_t in,
          Bf16* packed,
          std::int64_t begin,
          std::int64_t end);

/// As pack() does it for the transpose of a matrix [in, out]. Steps [begin, end) of 32 inputs only.
void pack_columns(const Bf16* matrix,
                  std::int64_t in,
                  std::int64_t out,
                  Bf16* packed,
                  std::int64_t begin,
                  std::int64_t end);

/// y = x w^T + bias, sums in float32, rounded once. A row's result does not depend on the others.
struct Product {
  const Bf16* x;       ///< [rows, padded(in)], or [in, rows] where it is turned
  const Bf16* packed;  ///< of pack()
  const Bf16* bias;    ///< [out] or nullptr
  Bf16* y;             ///< [rows, out]
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
  bool is_turned = false;
};

/// What is shared out over threads: panels of rows x blocks of outputs.
std::int64_t num_pieces(const Product& task);

/// Pieces [begin, end) of a product.
void run(const Product& task, std::int64_t begin, std::int64_t end);

/// Blocks [begin, end) of 32 outputs; with tiles x is of pack(), its rows as outputs there.
void run(const PlainProduct& task, std::int64_t begin, std::int64_t end);

}  // namespace vragent::ops::bf16
