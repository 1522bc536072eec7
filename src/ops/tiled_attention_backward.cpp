// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "ops/attention_tiles.h"
#include "ops/tiled_attention.h"

namespace vragent::ops {
namespace {

using namespace tiles;
using torch::Tensor;

/// Keys and values of one sequence and head as left factors, and their gradients.
struct BackwardKeys {
  void load(const Problem& problem, Span sequence, std::int64_t kv_head) {
    tokens = sequence;
    padded = round_up(sequence.length, kKeyStep);
    for (std::vector<Bf16>* x : {&k, &v, &turned_k}) x->resize(area(padded, problem.width));
    cpu::copy_rows(problem.k.rows(sequence, kv_head), padded, k.data());
    cpu::copy_rows(problem.v.rows(sequence, kv_head), padded, v.data());
    cpu::turn_rows(problem.k.rows(sequence, kv_head), padded, turned_k.data());
    k_gradient.assign(area(padded, problem.width), 0.0F);
    v_gradient.assign(area(padded, problem.width), 0.0F);
  }

  void write(const View& to_k, const View& to_v, std::int64_t kv_head) const {
    const std::int64_t width = to_k.width;
    for (std::int64_t t = 0; t < tokens.length; ++t) {
      cpu::narrow_row(k_gradient.data() + t * width, width, 1, to_k.at(tokens.begin + t, kv_head));
      cpu::narrow_row(v_gradient.data() + t * width, width, 1, to_v.at(tokens.begin + t, kv_head));
    }
  }

  Span tokens{};
  std::int64_t padded = 0;
  std::vector<Bf16> k;         ///< [padded, width]
  std::vector<Bf16> v;         ///< [padded, width]
  std::vector<Bf16> turned_k;  ///< [width, padded]
  std::vector<float> k_gradient;
  std::vector<float> v_gradient;
};

class Backward {
 public:
  Backward(const Problem& problem,
           const Tensor& grad,
           const TiledAttention& made,
           const TiledGradients& into)
      : problem_(problem),
        grad_(grad),
        out_(made.out),
        lse_(made.lse.mutable_data_ptr<float>()),
        to_q_(into.q),
        to_k_(into.k),
        to_v_(into.v) {
    for (std::vector<Bf16>* x : {&rows_, &q_pairs_, &turned_q_, &grad_pairs_, &turned_grad_})
      x->resize(area(kRows, problem.width));
    for (std::vector<Bf16>* x : {&weights_, &slopes_, &paired_slopes_})
      x->resize(area(kMostKeys, kRows));
    scores_.resize(area(kMostKeys, kRows));
    along_.resize(area(kMostKeys, kRows));
    q_gradient_.resize(area(kRows, problem.width));
  }

  void family(const Family& family, std::int64_t kv_head) {
    root_.load(problem_, family.root, kv_head);
    for_each_tile(family.root, problem_, [&](const Tile& tile) { learn(tile, kv_head, {&root_}); });
    for (const Span branch : family.branches) {
      own_.load(problem_, branch, kv_head);
      for_each_tile(branch, problem_, [&](const Tile& tile) {
        learn(tile, kv_head, {&own_, &root_});
      });
      own_.write(to_k_, to_v_, kv_head);
    }
    root_.write(to_k_, to_v_, kv_head);
  }

 private:
  /// @param keys the tile's own first
  void learn(const Tile& tile, std::int64_t kv_head, std::initializer_list<BackwardKeys*> keys) {
    load(tile, kv_head);
    bool is_first = true;
    for (BackwardKeys* part : keys) {
      for_each_block(problem_,
                     tile,
                     part->tokens.length,
                     part == *keys.begin(),
                     [&](std::int64_t begin, std::int64_t size, const std::int32_t* visible) {
                       see(*part, begin, size, visible, is_first);
                       is_first = false;
                     });
    }
    for (std::int64_t t = 0; t < tile.tokens; ++t) {
      cpu::narrow_columns(q_gradient_.data() + t * problem_.times,
                          kRows,
                          problem_.times,
                          problem_.width,
                          to_q_.at(tile.sequence.begin + tile.first + t, kv_head * problem_.times),
                          problem_.width);
    }
  }

  /// The tile's queries and the gradients of its outputs, in the layouts of the products.
  void load(const Tile& tile, std::int64_t kv_head) {
    const std::int64_t width = problem_.width;
    const cpu::Rows rows{rows_.data(), width, kRows, width};
    copy_tile(problem_.q, problem_, tile, kv_head, rows_.data());
    cpu::turn_pairs(rows, kRows, turned_q_.data());
    cpu::pair_rows(rows, kRows, q_pairs_.data());
    copy_tile(grad_, problem_, tile, kv_head, rows_.data());
    cpu::turn_pairs(rows, kRows, turned_grad_.data());
    cpu::pair_rows(rows, kRows, grad_pairs_.data());
    std::fill(row_lse_, row_lse_ + kRows, 0.0F);
    std::fill(offset_, offset_ + kRows, 0.0F);
    for (std::int64_t row = 0; row < tile.tokens * problem_.times; ++row) {
      const std::int64_t token = tile.sequence.begin + tile.first + row / problem_.times;
      const std::int64_t head = kv_head * problem_.times + row % problem_.times;
      row_lse_[row] = lse_[token * problem_.heads + head];
      offset_[row] = cpu::dot(rows_.data() + row * width, out_.at(token, head), width);
    }
  }

  void see(BackwardKeys& keys,
           std::int64_t begin,
           std::int64_t size,
           const std::int32_t* visible,
           bool is_first) {
    const std::int64_t width = problem_.width;
    const std::int64_t shift = begin * width;
    multiply(
        size, kRows, width, keys.k.data() + shift, width, turned_q_.data(), scores_.data(), false);
    multiply(size,
             kRows,
             width,
             keys.v.data() + shift,
             width,
             turned_grad_.data(),
             along_.data(),
             false);
    cpu::run(cpu::SlopeBlock{.scores = scores_.data(),
                             .along = along_.data(),
                             .visible = visible,
                             .lse = row_lse_,
                             .offset = offset_,
                             .rows = kRows,
                             .keys = size,
                             .scale = problem_.scale,
                             .weights = weights_.data(),
                             .slopes = slopes_.data(),
                             .paired_slopes = paired_slopes_.data()});
    multiply(size,
             width,
             kRows,
             weights_.data(),
             kRows,
             grad_pairs_.data(),
             keys.v_gradient.data() + shift,
             true);
    multiply(size,
             width,
             kRows,
             slopes_.data(),
             kRows,
             q_pairs_.data(),
             keys.k_gradient.data() + shift,
             true);
    multiply(width,
             kRows,
             size,
             keys.turned_k.data() + begin,
             keys.padded,
             paired_slopes_.data(),
             q_gradient_.data(),
             !is_first);
  }

  const Problem& problem_;
  View grad_;
  View out_;
  const float* lse_;
  View to_q_;
  View to_k_;
  View to_v_;
  std::vector<Bf16> rows_;
  std::vector<Bf16> q_pairs_;
  std::vector<Bf16> turned_q_;
  std::vector<Bf16> grad_pairs_;
  std::vector<Bf16> turned_grad_;
  std::vector<Bf16> weights_;
  std::vector<Bf16> slopes_;
  std::vector<Bf16> paired_slopes_;
  std::vector<float> scores_;
  std::vector<float> along_;
  std::vector<float> q_gradient_;  ///< [width, kRows]
  float row_lse_[kRows] = {};
  float offset_[kRows] = {};
  BackwardKeys root_;
  BackwardKeys own_;
};

}  // namespace

TiledGradients tiled_attention_backward(const Tensor& grad,
                                        const Tensor& q,
                                        const LayerKv& kv,
                                        const TiledAttention& made,
                                        const Packing& packing) {
  const Tensor queries = with_dense_heads(q);
  const LayerKv dense{with_dense_heads(kv.k), with_dense_heads(kv.v)};
  const Tensor dense_grad = with_dense_heads(grad);
  const TiledGradients into{torch::empty(q.sizes(), q.options()),
                            torch::empty(kv.k.sizes(), kv.k.options()),
                            torch::empty(kv.v.sizes(), kv.v.options())};
  const Problem problem(queries, dense, packing);
  run_families(packing, kv.k.size(1), [&] { return Backward(problem, dense_grad, made, into); });
  return into;
}

}  // namespace vragent::ops
