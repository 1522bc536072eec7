// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/decoding/decode_batch.h"

#include <cstdlib>
#include <string_view>

#include "engine/decoding/row_batch.h"
#include "engine/decoding/slot_batch.h"

namespace vragent::engine {

std::unique_ptr<DecodeBatch> make_decode_batch(const models::TextModel& model,
                                               const BatchLimits& limits) {
  const torch::Dtype dtype = model.head.scalar_type();
  if (model.head.is_cpu() && (dtype == torch::kFloat32 || dtype == torch::kBFloat16))
    return std::make_unique<RowBatch>(model, limits);
  const char* asked = std::getenv("VRAGENT_CUDA_GRAPHS");  // NOLINT(concurrency-mt-unsafe)
  const bool refused = asked != nullptr && std::string_view(asked) == "0";
  return std::make_unique<SlotBatch>(model, limits, model.head.is_cuda() && !refused);
}

}  // namespace vragent::engine
