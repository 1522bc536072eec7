// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Compiled like cpu_kernels.cpp. Queries of a group go through the keys in blocks, with a running
// maximum and sum (online softmax).
#include "ops/kernels/cpu_decode_attention.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace vragent::ops::cpu {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kRows = 8;        ///< rows of a tile of products; its columns are the lanes
constexpr std::int64_t kBlock = 64;      ///< keys at a time
constexpr std::int64_t kWorthTiles = 8;  ///< queries from which tiles pay
constexpr std::int64_t kTogether = 4;    ///< most queries otherwise that go through a block at once
constexpr std::int64_t kAhead = 16;      ///< tokens that are fetched before they are read
constexpr float kNone = -std::numeric_limits<float>::infinity();

using Lanes [[gnu::vector_size(64)]] = float;

[[gnu::always_inline]] inline Lanes load(const float* x) {
  Lanes lanes;
  __builtin_memcpy(&lanes, x, sizeof lanes);
  return lanes;
}

[[gnu::always_inline]] inline void store(float* x, Lanes lanes) {
  __builtin_memcpy(x, &lanes, sizeof lanes);
}

/// By halves: sixteen additions one behind the other would take longer than the products.
[[gnu::always_inline]] inline float sum_of(Lanes x) {
  const auto eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                    __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

inline std::int64_t round_up(std::int64_t x, std::int64_t to) {
  return (x + to - 1) / to * to;
}

/// Working memory of one call: queries and what they have gathered so far.
struct Scratch {
  Scratch(std::int64_t num_queries, std::int64_t head_width)
      : wanted(num_queries),
        queries(round_up(num_queries, kLanes)),
        width(round_up(head_width, kLanes)),
        q(size(queries, width)),
        turned(size(width, queries)),
        gathered(size(queries, width)),
        largest(size(queries, 1), kNone),
        sum(size(queries, 1)),
        shrink(size(queries, 1)),
        weights(size(kBlock, queries)),
        keys(size(kBlock, width)),
        values(size(kBlock, width)) {}

  static std::size_t size(std::int64_t rows, std::int64_t columns) {
    return static_cast<std::size_t>(rows * columns);
  }

  std::int64_t wanted;   ///< queries that somebody asks for
  std::int64_t queries;  ///< with padding
  std::int64_t width;
  std::vector<float> q;         ///< [queries, width], scaled, zeros behind the head's width
  std::vector<float> turned;    ///< [width, queries], q on its side
  std::vector<float> gathered;  ///< [queries, width]
  std::vector<float> largest;   ///< [queries]
  std::vector<float> sum;       ///< [queries]
  std::vector<float> shrink;    ///< [queries]
  std::vector<float> weights;   ///< [kBlock, queries]: scores, then weights
  std::vector<float> keys;      ///< [kBlock, width]
  std::vector<float> values;    ///< [kBlock, width]
};

/// Some keys and values of one head: rows `stride` elements apart.
template <class T>
struct Block {
  const T* k;
  const T* v;
  std::int64_t stride;
  std::int64_t count;
};

/// A row's cache lines are asked for: rows of one head lie apart, which processors do not foresee.
template <class T>
[[gnu::always_inline]] inline void fetch_row(const T* row, std::int64_t head_width) {
  constexpr auto kLine = static_cast<std::int64_t>(64 / sizeof(T));
  for (std::int64_t i = 0; i < head_width; i += kLine) __builtin_prefetch(row + i);
}

template <class T>
[[gnu::always_inline]] inline void widen_row(const T* row, std::int64_t head_width, float* into) {
  for (std::int64_t i = 0; i < head_width; ++i) into[i] = widen(row[i]);
}

/// The first `count` of these tokens into s.keys and s.values.
template <class T>
[[gnu::always_inline]] inline void widen_block(const Block<T>& tokens,
                                               std::int64_t count,
                                               std::int64_t head_width,
                                               Scratch& s) {
  for (std::int64_t token = 0; token < count; ++token) {
    const std::int64_t later = std::min(token + kAhead, tokens.count - 1) * tokens.stride;
    fetch_row(tokens.k + later, head_width);
    fetch_row(tokens.v + later, head_width);
    widen_row(tokens.k + token * tokens.stride, head_width, s.keys.data() + token * s.width);
    widen_row(tokens.v + token * tokens.stride, head_width, s.values.data() + token * s.width);
  }
}

/// c[8, 16] (+)= sum over i < depth of a(., i) b[i, .], where a(row, i) lies at
/// row * a_row + i * a_step and rows of b and c are b_step and c_row apart.
struct Tile {
  const float* a;
  std::int64_t a_row;
  std::int64_t a_step;
  const float* b;
  std::int64_t b_step;
  std::int64_t depth;
  float* c;
  std::int64_t c_row;
  bool add;
};

[[gnu::always_inline]] inline void multiply(const Tile& tile) {
  Lanes sums[kRows] = {};
  for (std::int64_t i = 0; i < tile.depth; ++i) {
    const Lanes b = load(tile.b + i * tile.b_step);
    for (std::int64_t row = 0; row < kRows; ++row)
      sums[row] += tile.a[row * tile.a_row + i * tile.a_step] * b;
  }
  for (std::int64_t row = 0; row < kRows; ++row) {
    float* c = tile.c + row * tile.c_row;
    store(c, tile.add ? load(c) + sums[row] : sums[row]);
  }
}

/// Scores of all queries on a block of keys, in tiles of 8 keys x 16 queries.
[[gnu::always_inline]] inline void score_in_tiles(Scratch& s,
                                                  std::int64_t count,
                                                  std::int64_t head_width) {
  for (std::int64_t key = 0; key < count; key += kRows) {
    for (std::int64_t query = 0; query < s.queries; query += kLanes) {
      multiply({.a = s.keys.data() + key * s.width,
                .a_row = s.width,
                .a_step = 1,
                .b = s.turned.data() + query,
                .b_step = s.queries,
                .depth = head_width,
                .c = s.weights.data() + key * s.queries + query,
                .c_row = s.queries,
                .add = false});
    }
  }
}

/// Turns all queries' scores into weights against their running maxima.
[[gnu::always_inline]] inline void weigh_all(Scratch& s, std::int64_t count) {
  for (std::int64_t query = 0; query < s.queries; ++query) {
    const auto at = static_cast<std::size_t>(query);
    float peak = s.largest[at];
    for (std::int64_t key = 0; key < count; ++key) {
      const float score = s.weights[Scratch::size(key, s.queries) + at];
      peak = score > peak ? score : peak;
    }
    s.shrink[at] = exponential(s.largest[at] - peak);
    s.largest[at] = peak;
    s.sum[at] *= s.shrink[at];
  }
  for (std::int64_t key = 0; key < count; ++key) {
    float* weights = s.weights.data() + key * s.queries;
    for (std::int64_t query = 0; query < s.queries; ++query) {
      const auto at = static_cast<std::size_t>(query);
      weights[query] = exponential(weights[query] - s.largest[at]);
      s.sum[at] += weights[query];
    }
  }
}

/// Adds the weighted values of a block to all queries, in tiles of 8 queries x 16 columns.
[[gnu::always_inline]] inline void gather_in_tiles(Scratch& s, std::int64_t count) {
  for (std::int64_t query = 0; query < s.queries; ++query) {
    float* gathered = s.gathered.data() + query * s.width;
    for (std::int64_t i = 0; i < s.width; ++i)
      gathered[i] *= s.shrink[static_cast<std::size_t>(query)];
  }
  for (std::int64_t query = 0; query < s.queries; query += kRows) {
    for (std::int64_t i = 0; i < s.width; i += kLanes) {
      multiply({.a = s.weights.data() + query,
                .a_row = 1,
                .a_step = s.queries,
                .b = s.values.data() + i,
                .b_step = s.width,
                .depth = count,
                .c = s.gathered.data() + query * s.width + i,
                .c_row = s.width,
                .add = true});
    }
  }
}

/// Adds the weighted values of a block, kColumns x 16 columns of them, to some queries.
template <std::int64_t kQueries, std::int64_t kColumns>
[[gnu::always_inline]] inline void gather(Scratch& s,
                                          const float (&weights)[kQueries][kBlock],
                                          std::int64_t first,
                                          std::int64_t column,
                                          std::int64_t count) {
  Lanes sums[kQueries][kColumns];
  for (std::int64_t q = 0; q < kQueries; ++q) {
    const float* gathered = s.gathered.data() + (first + q) * s.width + column;
    const float shrink = s.shrink[static_cast<std::size_t>(first + q)];
    for (std::int64_t c = 0; c < kColumns; ++c) sums[q][c] = shrink * load(gathered + c * kLanes);
  }
  for (std::int64_t key = 0; key < count; ++key) {
    const float* values = s.values.data() + key * s.width + column;
    for (std::int64_t c = 0; c < kColumns; ++c) {
      const Lanes value = load(values + c * kLanes);
      for (std::int64_t q = 0; q < kQueries; ++q) sums[q][c] += weights[q][key] * value;
    }
  }
  for (std::int64_t q = 0; q < kQueries; ++q) {
    float* gathered = s.gathered.data() + (first + q) * s.width + column;
    for (std::int64_t c = 0; c < kColumns; ++c) store(gathered + c * kLanes, sums[q][c]);
  }
}

/// Lets kQueries queries from `first` on see a block.
template <std::int64_t kQueries>
[[gnu::always_inline]] inline void attend_few(Scratch& s, std::int64_t first, std::int64_t count) {
  float weights[kQueries][kBlock];
  for (std::int64_t key = 0; key < count; ++key) {
    Lanes sums[kQueries] = {};
    const float* k = s.keys.data() + key * s.width;
    for (std::int64_t i = 0; i < s.width; i += kLanes) {
      const Lanes part = load(k + i);
      for (std::int64_t q = 0; q < kQueries; ++q)
        sums[q] += load(s.q.data() + (first + q) * s.width + i) * part;
    }
    for (std::int64_t q = 0; q < kQueries; ++q) weights[q][key] = sum_of(sums[q]);
  }
  for (std::int64_t q = 0; q < kQueries; ++q) {
    const auto at = static_cast<std::size_t>(first + q);
    float peak = s.largest[at];
    for (std::int64_t key = 0; key < count; ++key)
      peak = weights[q][key] > peak ? weights[q][key] : peak;
    s.shrink[at] = exponential(s.largest[at] - peak);
    s.largest[at] = peak;
    for (std::int64_t key = 0; key < count; ++key)
      weights[q][key] = exponential(weights[q][key] - peak);
    float added = 0;
    for (std::int64_t key = 0; key < count; ++key) added += weights[q][key];
    s.sum[at] = s.sum[at] * s.shrink[at] + added;
  }
  constexpr std::int64_t kColumns = 4;
  std::int64_t column = 0;
  for (; column + kColumns * kLanes <= s.width; column += kColumns * kLanes)
    gather<kQueries, kColumns>(s, weights, first, column, count);
  for (; column < s.width; column += kLanes) gather<kQueries, 1>(s, weights, first, column, count);
}

/// Lets queries [first, last) see some tokens; all of them at once where there are many.
template <class T>
[[gnu::always_inline]] inline void attend(Scratch& s,
                                          std::int64_t first,
                                          std::int64_t last,
                                          const Block<T>& tokens,
                                          std::int64_t head_width) {
  for (std::int64_t begin = 0; begin < tokens.count; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, tokens.count - begin);
    const std::int64_t skip = begin * tokens.stride;
    widen_block(Block<T>{tokens.k + skip, tokens.v + skip, tokens.stride, tokens.count - begin},
                count,
                head_width,
                s);
    if (first == 0 && last == s.wanted && last >= kWorthTiles) {
      score_in_tiles(s, count, head_width);
      weigh_all(s, count);
      gather_in_tiles(s, count);
      continue;
    }
    for (std::int64_t query = first; query < last; query += kTogether) {
      switch (std::min(kTogether, last - query)) {
        case 1:
          attend_few<1>(s, query, count);
          break;
        case 2:
          attend_few<2>(s, query, count);
          break;
        case 3:
          attend_few<3>(s, query, count);
          break;
        default:
          attend_few<kTogether>(s, query, count);
      }
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void decode(const DecodeAttention<T>& task, std::int64_t kv_head) {
  const std::int64_t times = task.heads / task.kv_heads;
  const std::int64_t queries = task.rows * times;
  const std::int64_t stride = task.kv_heads * task.width;
  const std::int64_t shift = kv_head * task.width;
  Scratch s(queries, task.width);
  const auto place = [&](std::int64_t query) {  // of a query in q and out
    return (query / times * task.heads + kv_head * times + query % times) * task.width;
  };
  for (std::int64_t query = 0; query < queries; ++query) {
    for (std::int64_t i = 0; i < task.width; ++i) {
      const float scaled = widen(task.q[place(query) + i]) * task.scale;
      s.q[static_cast<std::size_t>(query * s.width + i)] = scaled;
      s.turned[static_cast<std::size_t>(i * s.queries + query)] = scaled;
    }
  }
  attend(s,
         0,
         queries,
         Block<T>{task.prefix_k + shift, task.prefix_v + shift, stride, task.prefix_length},
         task.width);
  for (std::int64_t row = 0; row < task.rows; ++row) {
    const std::int64_t first = task.slots[row] * task.capacity * stride + shift;
    attend(s,
           row * times,
           (row + 1) * times,
           Block<T>{task.own_k + first, task.own_v + first, stride, task.own_lengths[row]},
           task.width);
  }
  for (std::int64_t query = 0; query < queries; ++query) {
    const float share = 1.0F / s.sum[static_cast<std::size_t>(query)];
    for (std::int64_t i = 0; i < task.width; ++i)
      narrow(s.gathered[static_cast<std::size_t>(query * s.width + i)] * share,
             task.out[place(query) + i]);
  }
}

}  // namespace

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void run(
    const DecodeAttention<float>& task, std::int64_t kv_head) {
  decode(task, kv_head);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void run(
    const DecodeAttention<Bf16>& task, std::int64_t kv_head) {
  decode(task, kv_head);
}

}  // namespace vragent::ops::cpu
