// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/attention_tiles.h"

#include <ATen/native/CPUBlas.h>

namespace vragent::ops::tiles {

using torch::Tensor;

void multiply(std::int64_t m,
              std::int64_t n,
              std::int64_t k,
              const Bf16* a,
              std::int64_t a_stride,
              const Bf16* b,
              float* c,
              bool add) {
  at::native::cpublas::brgemm(m,
                              n,
                              k,
                              a_stride,
                              n,
                              n,
                              add,
                              reinterpret_cast<const at::BFloat16*>(a),
                              reinterpret_cast<const at::BFloat16*>(b),
                              c);
}

std::vector<Family> families_of(const Packing& packing) {
  std::vector<Family> families;
  for (std::size_t i = 0; i < packing.lengths.size(); ++i) {
    if (packing.lengths[i] > 0 && packing.first_positions[i] == 0)
      families.push_back({{packing.begins[i], packing.lengths[i]}, {}});
  }
  for (const Packing::Branch& branch : packing.branches) {
    const auto family = std::find_if(families.begin(), families.end(), [&](const Family& one) {
      return one.root.begin == branch.root_begin;
    });
    TORCH_CHECK(family != families.end(), "a branch without its root");
    auto i = static_cast<std::size_t>(
        std::lower_bound(packing.begins.begin(), packing.begins.end(), branch.begin) -
        packing.begins.begin());
    for (; i < packing.begins.size() && packing.begins[i] < branch.begin + branch.length; ++i) {
      if (packing.lengths[i] > 0)
        family->branches.push_back({packing.begins[i], packing.lengths[i]});
    }
  }
  return families;
}

Tensor with_dense_heads(const Tensor& x) {
  const bool is_dense = x.stride(2) == 1 && x.stride(1) == x.size(2);
  return is_dense ? x : x.contiguous();
}

void copy_tile(
    const View& x, const Problem& problem, const Tile& tile, std::int64_t kv_head, Bf16* into) {
  const std::int64_t token = problem.times * problem.width;
  const cpu::Rows rows{x.at(tile.sequence.begin + tile.first, kv_head * problem.times),
                       x.stride,
                       tile.tokens,
                       token};
  cpu::copy_rows(rows, tile.tokens, into);
  std::fill(into + tile.tokens * token, into + kRows * problem.width, Bf16{0});
}

void release_tiles() {
  at::native::cpublas::brgemm_release();
}

}  // namespace vragent::ops::tiles
