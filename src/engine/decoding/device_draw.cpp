// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/decoding/device_draw.h"

#include <cmath>
#include <limits>

#include "engine/decoding/row_sampler.h"

namespace vragent::engine {
namespace {

using torch::Tensor;

constexpr std::int64_t kBlocksBegin = 3;  ///< of a row of `summary`, behind what comes first

/// A row's finiteness, largest score, its index and the sums of its blocks.
struct Row {
  const float* values;
  std::int64_t num_blocks;

  [[nodiscard]] bool is_finite() const { return values[0] != 0; }

  [[nodiscard]] SoftmaxSums sums() const {
    SoftmaxSums sums{.largest = values[1], .argmax = static_cast<std::int64_t>(values[2])};
    for (std::int64_t b = 0; b < num_blocks; ++b) {
      sums.blocks.push_back(static_cast<double>(values[kBlocksBegin + b]));
      sums.total += sums.blocks.back();
    }
    return sums;
  }
};

/// [R, V] -> [R, blocks, kSumBlock], -inf behind the end.
Tensor in_blocks(const Tensor& scores) {
  const std::int64_t missing = (kSumBlock - scores.size(1) % kSumBlock) % kSumBlock;
  return torch::constant_pad_nd(scores, {0, missing}, -std::numeric_limits<double>::infinity())
      .unflatten(1, {-1, kSumBlock});
}

/// fp32 [R, 3 + blocks]; an index is exact there up to 2^24.
Tensor summary(const Tensor& scores, const Tensor& blocks) {
  const auto [largest, argmax] = scores.max(1, /*keepdim=*/true);
  const Tensor sums = torch::exp(blocks - largest.unsqueeze(-1)).sum(-1);
  const Tensor is_finite = scores.isfinite().all(1, /*keepdim=*/true);
  return torch::cat({is_finite.to(torch::kFloat32), largest, argmax.to(torch::kFloat32), sums}, 1);
}

}  // namespace

bool draws_on_device(const chat::SamplingConfig& config) {
  const bool has_filter = config.top_k > 0 || config.top_p < 1 || config.min_p > 0;
  return config.repetition_penalty == 1.0 && (config.temperature <= 0 || !has_filter);
}

std::vector<Draw> draw_on_device(const Tensor& logits,
                                 const chat::SamplingConfig& config,
                                 std::span<const DrawRow> rows) {
  const bool is_greedy = config.temperature <= 0;
  Tensor scores = logits.to(torch::kFloat32);
  if (!is_greedy && config.temperature != 1.0)
    scores = scores / torch::full({}, config.temperature, scores.options());
  const Tensor blocks = in_blocks(scores);
  const Tensor sums_of_rows = summary(scores, blocks).cpu();
  std::vector<Draw> draws(rows.size());
  std::vector<BlockPoint> points(rows.size());
  std::vector<std::int64_t> wanted(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Row row{sums_of_rows[static_cast<std::int64_t>(r)].const_data_ptr<float>(),
                  blocks.size(1)};
    const SoftmaxSums sums = row.sums();
    // Relative to the largest score, whose share of the sum is 1.
    draws[r] = {sums.argmax,
                row.is_finite() ? static_cast<float>(-std::log(sums.total)) : std::nanf("")};
    if (is_greedy || !row.is_finite()) continue;
    points[r] = block_at(sums, uniform_of(rows[r].key));
    wanted[r] = static_cast<std::int64_t>(points[r].block);
  }
  if (is_greedy) return draws;
  const Tensor index = torch::tensor(wanted, torch::kInt64).to(blocks.device());
  const Tensor chosen =
      blocks.gather(1, index.view({-1, 1, 1}).expand({-1, 1, kSumBlock})).squeeze(1).cpu();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (std::isnan(draws[r].log_prob)) continue;
    const auto row = static_cast<std::int64_t>(r);
    const std::span<const float> scores_of_block{chosen[row].const_data_ptr<float>(),
                                                 static_cast<std::size_t>(kSumBlock)};
    const float largest = sums_of_rows[row].const_data_ptr<float>()[1];
    const std::int64_t offset = index_in_block(scores_of_block, largest, points[r].left);
    if (offset < 0) continue;  // rounding alone led here: the likeliest token stays
    draws[r].id = wanted[r] * kSumBlock + offset;
    draws[r].log_prob += scores_of_block[static_cast<std::size_t>(offset)] - largest;
  }
  return draws;
}

}  // namespace vragent::engine
