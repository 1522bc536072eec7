// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/sampler.h"

#include <limits>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/random.h"

namespace vragent::engine {
namespace {

using torch::Tensor;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

void check_finite(const Tensor& logits, std::span<const DrawKey> keys) {
  // A sum is finite only when all its parts are: one pass without a mask in the usual case.
  const Tensor sums = logits.sum(-1).cpu();
  for (std::int64_t row = 0; row < sums.size(0); ++row) {
    if (!std::isfinite(sums[row].item<double>())) {
      throw Error(ExitCode::kInternal,
                  formatted("non-finite logits at step {} of row {}: the weights are damaged, or "
                            "this dtype overflows",
                            keys[static_cast<std::size_t>(row)].step,
                            row));
    }
  }
}

Tensor penalise(const Tensor& logits, const Tensor& seen, double penalty) {
  TORCH_CHECK(seen.defined() && seen.sizes() == logits.sizes(),
              "repetition penalty needs the tokens seen");
  return torch::where(seen, torch::where(logits < 0, logits * penalty, logits / penalty), logits);
}

/// Inverse of the cumulative distribution at one uniform number a row.
Tensor invert_cdf(const Tensor& probabilities, std::span<const DrawKey> keys) {
  const Tensor cumulative = probabilities.to(torch::kFloat64).cumsum(-1);
  std::vector<double> uniforms;
  uniforms.reserve(keys.size());
  for (const DrawKey& key : keys) uniforms.push_back(uniform_of(key));
  const Tensor total = cumulative.select(-1, -1).unsqueeze(-1);
  const Tensor points =
      torch::tensor(uniforms, torch::kFloat64).to(total.device()).unsqueeze(-1) * total;
  // right=true: the first index whose sum is above the point, so tokens of probability zero are
  // never drawn.
  return at::searchsorted(cumulative, points, false, /*right=*/true)
      .squeeze(-1)
      .clamp_max(probabilities.size(-1) - 1);
}

}  // namespace

double uniform_of(const DrawKey& key) {
  return static_cast<double>(mix_seed(key.seed, {key.sample, key.step}) >> 11U) * 0x1.0p-53;
}

Tensor keep_top_k(const Tensor& scores, std::int64_t k) {
  if (k <= 0 || k >= scores.size(-1)) return scores;
  const Tensor kth = std::get<0>(scores.topk(k, -1)).select(-1, -1).unsqueeze(-1);
  return scores.masked_fill(scores < kth, kMinusInfinity);
}

Tensor keep_top_p(const Tensor& scores, double p) {
  if (p >= 1) return scores;
  const auto [sorted, order] = scores.sort(/*stable=*/true, -1, /*descending=*/false);
  Tensor drop = torch::softmax(sorted, -1).cumsum(-1) <= 1 - p;
  drop.select(-1, -1).fill_(false);
  return scores.masked_fill(torch::zeros_like(drop).scatter(-1, order, drop), kMinusInfinity);
}

Tensor keep_min_p(const Tensor& scores, double min_p) {
  if (min_p <= 0) return scores;
  const Tensor probabilities = torch::softmax(scores, -1);
  return scores.masked_fill(probabilities < min_p * std::get<0>(probabilities.max(-1, true)),
                            kMinusInfinity);
}

Draws draw_tokens(const Tensor& logits,
                  const chat::SamplingConfig& config,
                  std::span<const DrawKey> keys,
                  const Tensor& seen) {
  TORCH_CHECK(logits.dim() == 2 && logits.size(0) == static_cast<std::int64_t>(keys.size()),
              "sampler: logits ",
              logits.sizes(),
              " for ",
              keys.size(),
              " rows");
  Tensor scores = logits.to(torch::kFloat32);
  check_finite(scores, keys);
  if (config.repetition_penalty != 1.0) scores = penalise(scores, seen, config.repetition_penalty);
  if (config.temperature > 0) scores = scores / config.temperature;
  Tensor ids;
  if (config.temperature <= 0) {
    ids = scores.argmax(-1);
  } else {
    ids = invert_cdf(
        torch::softmax(
            keep_min_p(keep_top_p(keep_top_k(scores, config.top_k), config.top_p), config.min_p),
            -1),
        keys);
  }
  const Tensor log_probs = scores.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - scores.logsumexp(-1);
  return {ids.cpu(), log_probs.cpu()};
}

}  // namespace vragent::engine
