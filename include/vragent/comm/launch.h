// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Meeting the other processes that mpirun or srun has started.
#pragma once

#include <memory>

#include "vragent/comm/communicator.h"

namespace vragent::comm {

/// How many processes the launcher's environment variables speak of; 1 where there was none.
/// @throws Error (69) under srun without a plugin that MPI finds the others by
int launched_processes();

/// The processes that were started together. Started without a launcher, or alone, MPI is not even
/// initialised. Ends MPI when destroyed, so that only one may live, once a program's life.
/// @throws Error (69) when there are others and this build has no MPI
std::unique_ptr<Communicator> connect();

/// The same processes, whose tensors on a GPU travel by NCCL; those of the CPU as before. Null
/// where nothing is won: one process, or a build without NCCL, whose tensors go through the memory
/// of the host. torch's CUDA library must be loaded. `processes` must outlive it.
/// @throws Error (69) naming what NCCL says
std::unique_ptr<Communicator> with_gpu(const Communicator& processes, int device_index);

}  // namespace vragent::comm
