// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/comm/launch.h"

#include <cstdlib>
#include <string>

#include "comm/mpi_communicator.h"
#include "comm/nccl_communicator.h"
#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/text.h"

namespace vragent::comm {
namespace {

/// A count in the environment; 0 where it is not set.
int count_in(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? 0 : static_cast<int>(parse_integer(text).value_or(0));
}

bool is_set(const char* variable) {
  return std::getenv(variable) != nullptr;  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

int launched_processes() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const int count = count_in(variable); count > 0) return count;
  }
  const int tasks = count_in("SLURM_STEP_NUM_TASKS");  // of srun alone, not of a batch script
  if (tasks > 1 && !is_set("PMIX_RANK") && !is_set("PMI_RANK")) {
    throw Error(ExitCode::kUnavailable,
                formatted("srun started {} tasks that cannot find each other: start them with "
                          "srun --mpi=pmix, or by mpirun",
                          tasks));
  }
  return tasks > 1 ? tasks : 1;
}

std::unique_ptr<Communicator> connect() {
  const int count = launched_processes();
  if (count == 1) return one_process();
  auto processes = connect_mpi();
  if (processes == nullptr) {
    throw Error(ExitCode::kUnavailable,
                formatted("{} processes were started, but this program was built without MPI "
                          "(install libopenmpi-dev and build again)",
                          count));
  }
  if (processes->size() != count) {
    throw Error(ExitCode::kUnavailable,
                formatted("{} processes were started, but MPI knows {}: start them with the mpirun "
                          "of the MPI that this program was built with",
                          count,
                          processes->size()));
  }
  return processes;
}

std::unique_ptr<Communicator> with_gpu(const Communicator& processes, int device_index) {
  return processes.size() > 1 ? connect_nccl(processes, device_index) : nullptr;
}

}  // namespace vragent::comm
