// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/decoding/sampler.h"

#include <cmath>

#include <ATen/Parallel.h>

#include "engine/decoding/device_draw.h"
#include "engine/decoding/row_sampler.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::engine {
namespace {

using torch::Tensor;

/// Divides positive and multiplies negative scores of tokens seen before, once each.
void penalise(std::span<float> scores, const DrawRow& row, double penalty) {
  std::vector<std::pair<std::size_t, float>> changed;
  for (const auto& ids : {row.prompt, row.answer}) {
    for (const std::int64_t id : ids) {
      const float score = scores[static_cast<std::size_t>(id)];
      const auto factor = static_cast<float>(penalty);
      changed.emplace_back(id, score < 0 ? score * factor : score / factor);
    }
  }
  for (const auto& [id, score] : changed) scores[id] = score;
}

/// The token of one row; a NaN log-probability tells that the logits were not finite.
Draw draw_from(std::span<float> scores, const chat::SamplingConfig& config, const DrawRow& row) {
  if (!is_finite_row(scores)) return {.log_prob = std::nanf("")};
  if (config.repetition_penalty != 1.0) penalise(scores, row, config.repetition_penalty);
  if (config.temperature > 0 && config.temperature != 1.0)
    divide_row(scores, static_cast<float>(config.temperature));
  const SoftmaxSums all = softmax_sums(scores);
  const double lse = static_cast<double>(all.largest) + std::log(all.total);
  const auto draw_of = [&](std::int64_t id, float score) {
    return Draw{id, static_cast<float>(static_cast<double>(score) - lse)};
  };
  if (config.temperature <= 0) return draw_of(all.argmax, all.largest);
  const double uniform = uniform_of(row.key);
  const bool is_filtered = (config.top_k > 0 && config.top_k < std::ssize(scores)) ||
                           config.top_p < 1 || config.min_p > 0;
  if (is_filtered) {
    keep_top_k(scores, config.top_k);
    keep_top_p(scores, config.top_p);
    keep_min_p(scores, config.min_p);
  }
  const std::int64_t id = index_at(scores, is_filtered ? softmax_sums(scores) : all, uniform);
  return draw_of(id, scores[static_cast<std::size_t>(id)]);
}

}  // namespace

double uniform_of(const DrawKey& key) {
  return static_cast<double>(mix_seed(key.seed, {key.sample, key.step}) >> 11U) * 0x1.0p-53;
}

namespace {

std::vector<Draw> draw_on_cpu(const Tensor& logits,
                              const chat::SamplingConfig& config,
                              std::span<const DrawRow> rows) {
  const bool is_narrow = logits.scalar_type() == torch::kBFloat16;
  const Tensor on_cpu =
      (is_narrow ? logits : logits.to(torch::kFloat32)).to(torch::kCPU).contiguous();
  const auto vocabulary = static_cast<std::size_t>(logits.size(1));
  std::vector<Draw> draws(rows.size());
  at::parallel_for(0, std::ssize(rows), 1, [&](auto begin, auto end) {
    std::vector<float> scores(vocabulary);
    for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
      if (is_narrow) {
        const auto* bits = static_cast<const std::uint16_t*>(on_cpu.const_data_ptr());
        widen_row({bits + r * vocabulary, vocabulary}, scores);
      } else {
        const auto* row = static_cast<const float*>(on_cpu.const_data_ptr()) + r * vocabulary;
        std::copy(row, row + vocabulary, scores.begin());
      }
      draws[r] = draw_from(scores, config, rows[r]);
    }
  });
  return draws;
}

}  // namespace

std::vector<Draw> draw_tokens(const Tensor& logits,
                              const chat::SamplingConfig& config,
                              std::span<const DrawRow> rows) {
  TORCH_CHECK(logits.dim() == 2 && logits.size(0) == std::ssize(rows),
              "sampler: logits ",
              logits.sizes(),
              " for ",
              rows.size(),
              " rows");
  const std::vector<Draw> draws = !logits.is_cpu() && draws_on_device(config)
                                      ? draw_on_device(logits, config, rows)
                                      : draw_on_cpu(logits, config, rows);
  for (std::size_t r = 0; r < draws.size(); ++r) {
    if (!std::isnan(draws[r].log_prob)) continue;
    throw Error(
        ExitCode::kInternal,
        formatted("non-finite logits at step {} of prompt {}, sample {}: the weights are damaged, "
                  "or this dtype overflows",
                  rows[r].key.step,
                  rows[r].prompt_index,
                  rows[r].key.sample));
  }
  return draws;
}

}  // namespace vragent::engine
