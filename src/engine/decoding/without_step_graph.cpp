// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Stands in for step_graph.cpp where CUDA's headers are not there.
#include "engine/decoding/step_graph.h"
#include "vragent/util/error.h"

namespace vragent::engine {

class StepGraph::Recorded {};

StepGraph::StepGraph(torch::Device device) : device_(device) {
  throw Error(ExitCode::kUnavailable,
              "VRAGENT_CUDA_GRAPHS: this program was built without CUDA's headers");
}

StepGraph::~StepGraph() = default;

void StepGraph::forget() {}

torch::Tensor StepGraph::run(const std::function<torch::Tensor()>& step) {
  return step();
}

}  // namespace vragent::engine
