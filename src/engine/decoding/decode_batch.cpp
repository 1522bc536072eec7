// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/engine/decoding/decode_batch.h"

#include <cstdlib>
#include <string_view>

#include "engine/decoding/row_batch.h"
#include "engine/decoding/slot_batch.h"
#include "engine/decoding/step_graph.h"
#include "vragent/util/log.h"

namespace vragent::engine {

namespace {

void warn_once() {
  static const bool said = [] {
    log::warn("no CUDA graphs in this build or torch: decoding launches every kernel by itself");
    return true;
  }();
  static_cast<void>(said);
}

}  // namespace

std::vector<ops::LayerKv> empty_slots(const std::vector<ops::LayerKv>& like,
                                      std::int64_t rows,
                                      std::int64_t capacity) {
  std::vector<ops::LayerKv> slots;
  for (const ops::LayerKv& layer : like) {
    const std::vector<std::int64_t> shape = {rows, capacity, layer.k.size(1), layer.k.size(2)};
    slots.push_back(
        {torch::zeros(shape, layer.k.options()), torch::zeros(shape, layer.v.options())});
  }
  return slots;
}

void double_slots(std::vector<ops::LayerKv>& slots) {
  for (ops::LayerKv& layer : slots) {
    layer = {torch::cat({layer.k, torch::zeros_like(layer.k)}, 1),
             torch::cat({layer.v, torch::zeros_like(layer.v)}, 1)};
  }
}

std::unique_ptr<DecodeBatch> make_decode_batch(const models::TextModel& model,
                                               const BatchLimits& limits) {
  const torch::Dtype dtype = model.head.scalar_type();
  if (model.head.is_cpu() && (dtype == torch::kFloat32 || dtype == torch::kBFloat16))
    return std::make_unique<RowBatch>(model, limits);
  const char* asked = std::getenv("VRAGENT_CUDA_GRAPHS");  // NOLINT(concurrency-mt-unsafe)
  const bool wanted = model.head.is_cuda() && (asked == nullptr || std::string_view(asked) != "0");
  if (wanted && !StepGraph::is_available()) warn_once();
  return std::make_unique<SlotBatch>(model, limits, wanted && StepGraph::is_available());
}

}  // namespace vragent::engine
