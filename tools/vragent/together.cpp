// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "together.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include <sched.h>
#include <unistd.h>

#include "failure.h"
#include "vragent/comm/launch.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/interrupt.h"
#include "vragent/util/log.h"

namespace vragent::tools {
namespace {

/// A process that fails gives rank 0, which most often fails alike, so long to say it for all.
constexpr int kMillisecondsForRankZero = 1000;

/// Cores that this process may run on.
std::int64_t cores_of_this_process() {
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

void share_machine(nn::RuntimeConfig& runtime, const comm::Communicator& processes) {
  if (runtime.device == "cuda") runtime.device += formatted(":{}", processes.local_rank());
  const char* threads = std::getenv("OMP_NUM_THREADS");  // NOLINT(concurrency-mt-unsafe)
  if (runtime.threads > 0 || threads != nullptr) return;
  const std::int64_t cores = cores_of_this_process();
  const auto all = static_cast<std::int64_t>(std::max<long>(::sysconf(_SC_NPROCESSORS_ONLN), 1));
  // A launcher that binds processes to cores has shared them out already.
  runtime.threads = cores < all ? cores : std::max<std::int64_t>(cores / processes.local_size(), 1);
}

[[noreturn]] void end_all(const comm::Communicator& processes, Failure failure) {
  if (processes.rank() > 0) {
    for (int waited = 0; waited < kMillisecondsForRankZero; waited += 10) {
      // The launcher's signal: another process has ended them all.
      if (interrupt_requested()) std::_Exit(static_cast<int>(failure.code));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    failure.message = formatted("rank {}: {}", processes.rank(), failure.message);
  }
  const int code = report(failure);
  processes.abort(code);
  std::_Exit(code);
}

void work_together(nn::RuntimeConfig& runtime,
                   const comm::Communicator& processes,
                   const std::function<void(const comm::Communicator&)>& work) {
  share_machine(runtime, processes);
  if (processes.rank() > 0) log::set_level(log::Level::kError);
  // Outlives a failure: to close it, NCCL might wait for the others, who must be ended first.
  std::unique_ptr<comm::Communicator> gpu;
  try {
    const torch::Device device = nn::parse_device(runtime.device);
    if (device.is_cuda()) gpu = comm::with_gpu(processes, device.index());
    work(gpu ? *gpu : processes);
    processes.barrier();
  } catch (const Interrupted& stopped) {
    // All were stopped at the same step. The launcher ends the others when the first has gone.
    if (processes.rank() == 0) report({stopped.code(), stopped.what()});
    processes.barrier();
    throw Error(stopped.code(), "");
  } catch (...) {
    end_all(processes, current_failure());
  }
}

}  // namespace

void run_together(nn::RuntimeConfig& runtime,
                  const std::function<void(const comm::Communicator&)>& work) {
  const auto processes = comm::connect();
  if (processes->size() == 1) {
    work(*processes);  // main() says what goes wrong
  } else {
    work_together(runtime, *processes, work);
  }
}

}  // namespace vragent::tools
