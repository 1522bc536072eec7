// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "engine/decode_batch.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "engine/row_batch.h"
#include "engine/slot_batch.h"

namespace vragent::engine {

BatchLimits limits_of(std::span<const Prompt> prompts,
                      std::int64_t max_rows,
                      std::int64_t max_tokens) {
  BatchLimits limits{.tokens = max_tokens};
  std::int64_t all = 0;
  std::int64_t fewest = max_rows;
  for (const Prompt& prompt : prompts) {
    all += prompt.num_samples;
    fewest = std::min(fewest, prompt.num_samples);
    limits.samples = std::max(limits.samples, prompt.num_samples);
    limits.longest_prompt = std::max(limits.longest_prompt, std::ssize(prompt.ids));
  }
  limits.rows = std::max(limits.samples, std::min(max_rows, all));
  limits.groups = std::min(std::ssize(prompts), limits.rows / std::max<std::int64_t>(1, fewest));
  return limits;
}

std::unique_ptr<DecodeBatch> make_decode_batch(const models::TextModel& model,
                                               const BatchLimits& limits) {
  const torch::Dtype dtype = model.head.scalar_type();
  if (model.head.is_cpu() && (dtype == torch::kFloat32 || dtype == torch::kBFloat16))
    return std::make_unique<RowBatch>(model, limits);
  const char* wanted = std::getenv("VRAGENT_CUDA_GRAPHS");  // NOLINT(concurrency-mt-unsafe)
  const bool with_graph = model.head.is_cuda() && wanted != nullptr && std::string_view(wanted) == "1";
  return std::make_unique<SlotBatch>(model, limits, with_graph);
}

}  // namespace vragent::engine
