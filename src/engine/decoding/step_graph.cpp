// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// torch's CUDA library is loaded when a device is asked for, not linked: the members of its graph
// are looked up by the names that the compiler gives them.
#include "engine/decoding/step_graph.h"

#include <array>
#include <cstddef>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include "vragent/util/error.h"
#include "vragent/util/format.h"

namespace vragent::engine {
namespace {

using at::cuda::CUDAGraph;
using torch::Tensor;

template <class Function>
Function* found(const char* symbol) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, symbol));
}

/// What CUDAGraph's members are called in the library; null where it has no such member.
struct GraphCalls {
  void (*construct)(CUDAGraph*, bool) = found<void(CUDAGraph*, bool)>("_ZN2at4cuda9CUDAGraphC1Eb");
  void (*destroy)(CUDAGraph*) = found<void(CUDAGraph*)>("_ZN2at4cuda9CUDAGraphD1Ev");
  void (*begin)(CUDAGraph*, at::cuda::MempoolId_t, cudaStreamCaptureMode) =
      found<void(CUDAGraph*, at::cuda::MempoolId_t, cudaStreamCaptureMode)>(
          "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
  void (*end)(CUDAGraph*) = found<void(CUDAGraph*)>("_ZN2at4cuda9CUDAGraph11capture_endEv");
  void (*replay)(CUDAGraph*) = found<void(CUDAGraph*)>("_ZN2at4cuda9CUDAGraph6replayEv");
};

const GraphCalls& calls() {
  static const GraphCalls all;
  return all;
}

}  // namespace

class StepGraph::Recorded {
 public:
  Recorded() { calls().construct(graph(), false); }

  ~Recorded() { calls().destroy(graph()); }

  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;

  void record(const std::function<Tensor()>& step) {
    calls().begin(graph(), {0, 0}, cudaStreamCaptureModeThreadLocal);
    result_ = step();
    calls().end(graph());
  }

  const Tensor& replay() {
    calls().replay(graph());
    return result_;
  }

 private:
  CUDAGraph* graph() { return reinterpret_cast<CUDAGraph*>(storage_.data()); }

  alignas(CUDAGraph) std::array<std::byte, sizeof(CUDAGraph)> storage_{};
  Tensor result_;
};

bool StepGraph::is_available() {
  const GraphCalls& all = calls();
  return all.construct != nullptr && all.destroy != nullptr && all.begin != nullptr &&
         all.end != nullptr && all.replay != nullptr;
}

StepGraph::StepGraph(torch::Device device) : device_(device) {}

StepGraph::~StepGraph() = default;

void StepGraph::forget() {
  recorded_.reset();
}

Tensor StepGraph::run(const std::function<Tensor()>& step) {
  if (!recorded_) {
    // Recording wants a stream of its own; libraries start up on it in a step that is not recorded.
    const c10::impl::VirtualGuardImpl device(device_.type());
    const c10::Stream before = device.getStream(device_);
    const c10::Stream stream = device.getStreamFromGlobalPool(device_);
    device.synchronizeStream(before);
    auto recorded = std::make_unique<Recorded>();
    {
      const c10::StreamGuard guard(stream);
      step();
      device.synchronizeStream(stream);
      try {
        recorded->record(step);
      } catch (const c10::Error& error) {
        throw Error(ExitCode::kInternal,
                    formatted("a step of decoding cannot be recorded as a CUDA graph ({}); "
                              "VRAGENT_CUDA_GRAPHS=0 computes without",
                              error.what_without_backtrace()));
      }
    }
    device.synchronizeStream(stream);
    recorded_ = std::move(recorded);
  }
  return recorded_->replay();
}

}  // namespace vragent::engine
