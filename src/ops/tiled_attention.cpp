// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/tiled_attention.h"

#include <limits>

#include <ATen/native/CPUBlas.h>

#include "ops/attention_tiles.h"
#include "vragent/ops/linear/packed_linear.h"

namespace vragent::ops {
namespace {

using namespace tiles;
using torch::Tensor;

/// Keys and values of one sequence and head as right factors.
struct ForwardKeys {
  void load(const Problem& problem, Span sequence, std::int64_t kv_head) {
    length = sequence.length;
    const std::int64_t padded = round_up(length, kKeyStep);
    k.resize(area(padded, problem.width));
    v.resize(area(padded, problem.width));
    const cpu::Rows keys = problem.k.rows(sequence, kv_head);
    for (std::int64_t begin = 0; begin < length; begin += kKeyStep) {
      cpu::Rows part = keys;
      part.data += begin * keys.stride;
      part.count = std::min(kKeyStep, length - begin);
      cpu::turn_pairs(part, kKeyStep, k.data() + begin * problem.width);
    }
    cpu::pair_rows(problem.v.rows(sequence, kv_head), padded, v.data());
  }

  std::int64_t length = 0;
  std::vector<Bf16> k;  ///< [padded / kKeyStep, width / 2, kKeyStep, 2]
  std::vector<Bf16> v;  ///< [padded / 2, width, 2]
};

class Forward {
 public:
  Forward(const Problem& problem, const Tensor& out, const Tensor& lse)
      : problem_(problem),
        out_(out),
        lse_(lse.mutable_data_ptr<float>()),
        q_(area(kRows, problem.width)),
        weights_(area(kRows, kKeyStep)),
        scores_(area(kRows, kKeyStep)),
        gathered_(area(kRows, problem.width)) {}

  void family(const Family& family, std::int64_t kv_head) {
    root_.load(problem_, family.root, kv_head);
    for_each_tile(
        family.root, problem_, [&](const Tile& tile) { attend(tile, kv_head, {&root_}); });
    for (const Span branch : family.branches) {
      own_.load(problem_, branch, kv_head);
      for_each_tile(branch, problem_, [&](const Tile& tile) {
        attend(tile, kv_head, {&own_, &root_});
      });
    }
  }

 private:
  /// @param keys the tile's own first
  void attend(const Tile& tile, std::int64_t kv_head, std::initializer_list<ForwardKeys*> keys) {
    copy_tile(problem_.q, problem_, tile, kv_head, q_.data());
    std::fill(largest_, largest_ + kRows, -std::numeric_limits<float>::infinity());
    std::fill(sum_, sum_ + kRows, 0.0F);
    std::fill(gathered_.begin(), gathered_.end(), 0.0F);
    for (const ForwardKeys* part : keys) {
      for_each_block(problem_,
                     tile,
                     part->length,
                     part == *keys.begin(),
                     [&](std::int64_t begin, std::int64_t size, std::int32_t* visible) {
                       for (std::int64_t at = 0; at < size; at += kKeyStep) {
                         see(*part, begin + at, visible);
                         for (std::int64_t row = 0; row < kRows; ++row) visible[row] -= kKeyStep;
                       }
                     });
    }
    write(tile, kv_head);
  }

  /// kKeyStep keys from `begin` on.
  void see(const ForwardKeys& keys, std::int64_t begin, const std::int32_t* visible) {
    const std::int64_t width = problem_.width;
    std::int32_t clamped[kRows];
    for (std::int64_t row = 0; row < kRows; ++row)
      clamped[row] = std::min(visible[row], static_cast<std::int32_t>(kKeyStep));
    multiply(kRows,
             kKeyStep,
             width,
             q_.data(),
             width,
             keys.k.data() + begin * width,
             scores_.data(),
             /*add=*/false);
    cpu::run(cpu::SoftmaxBlock{.scores = scores_.data(),
                               .visible = clamped,
                               .rows = kRows,
                               .keys = kKeyStep,
                               .scale = problem_.scale,
                               .weights = weights_.data(),
                               .largest = largest_,
                               .sum = sum_,
                               .gathered = gathered_.data(),
                               .width = width});
    multiply(kRows,
             width,
             kKeyStep,
             weights_.data(),
             kKeyStep,
             keys.v.data() + begin * width,
             gathered_.data(),
             /*add=*/true);
  }

  void write(const Tile& tile, std::int64_t kv_head) {
    for (std::int64_t row = 0; row < tile.tokens * problem_.times; ++row) {
      const std::int64_t token = tile.sequence.begin + tile.first + row / problem_.times;
      const std::int64_t head = kv_head * problem_.times + row % problem_.times;
      cpu::narrow_row(gathered_.data() + row * problem_.width,
                      problem_.width,
                      1.0F / sum_[row],
                      out_.at(token, head));
      lse_[token * problem_.heads + head] = largest_[row] + std::log(sum_[row]);
    }
  }

  const Problem& problem_;
  View out_;
  float* lse_;
  std::vector<Bf16> q_;
  std::vector<Bf16> weights_;
  std::vector<float> scores_;
  std::vector<float> gathered_;
  float largest_[kRows] = {};
  float sum_[kRows] = {};
  ForwardKeys root_;
  ForwardKeys own_;
};

}  // namespace

bool fits_tiles(const Tensor& q, const LayerKv& kv) {
  static const bool has_tiles = has_amx_bf16() && at::native::cpublas::could_pack(at::kBFloat16);
  return has_tiles && q.is_cpu() && q.scalar_type() == torch::kBFloat16 &&
         kv.k.scalar_type() == torch::kBFloat16 && kv.v.scalar_type() == torch::kBFloat16 &&
         (q.size(2) == 32 || q.size(2) == 64) && q.size(1) / kv.k.size(1) <= kRows;
}

TiledAttention tiled_attention(const Tensor& q, const LayerKv& kv, const Packing& packing) {
  const Tensor queries = with_dense_heads(q);
  const LayerKv dense{with_dense_heads(kv.k), with_dense_heads(kv.v)};
  const TiledAttention made{
      torch::empty(q.sizes(), q.options()),
      torch::empty({q.size(0), q.size(1)}, q.options().dtype(torch::kFloat32))};
  const Problem problem(queries, dense, packing);
  run_families(packing, kv.k.size(1), [&] { return Forward(problem, made.out, made.lse); });
  return made;
}

}  // namespace vragent::ops
