// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Processes that speak MPI. Tensors of a GPU go through the memory of the host.
#pragma once

#include <memory>

#include "vragent/comm/communicator.h"

namespace vragent::comm {

/// Initialises MPI, which the communicator ends when it is destroyed; null in a build without MPI.
std::unique_ptr<Communicator> connect_mpi();

}  // namespace vragent::comm
