// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Stands in for step_graph.cpp where CUDA's headers are not there.
#include "engine/decoding/step_graph.h"

namespace vragent::engine {

class StepGraph::Recorded {};

StepGraph::StepGraph(torch::Device device) : device_(device) {}

StepGraph::~StepGraph() = default;

void StepGraph::forget() {}

bool StepGraph::is_available() {
  return false;
}

torch::Tensor StepGraph::run(const std::function<torch::Tensor()>& step) {
  return step();
}

}  // namespace vragent::engine
