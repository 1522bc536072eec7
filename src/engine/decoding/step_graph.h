// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// One step of decoding as a CUDA graph: recorded once, then launched as one piece, so that the GPU
// does not wait between its several hundred kernels.
#pragma once

#include <functional>
#include <memory>

#include <torch/types.h>

namespace vragent::engine {

class StepGraph {
 public:
  explicit StepGraph(torch::Device device);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  /// Whether this build and the torch that is loaded have CUDA graphs.
  static bool is_available();

  /// Computes a step and returns its result, which the next call overwrites. The first call runs
  /// `step` as it is and records it; later ones launch the record. `step` reads and writes the same
  /// memory in the same shapes each time, and running it twice does no harm. Only where
  /// is_available().
  torch::Tensor run(const std::function<torch::Tensor()>& step);

  /// Drops the record, as memory or shapes have changed: the next call records anew.
  void forget();

 private:
  class Recorded;
  torch::Device device_;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace vragent::engine
