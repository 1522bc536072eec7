// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Commands that train in many processes: `mpirun -n 4 vragent sft ...`.
#pragma once

#include <functional>

#include "vragent/comm/communicator.h"
#include "vragent/nn/device.h"

namespace vragent::tools {

/// Meets the other processes, gives each its GPU (cuda becomes cuda:LOCAL_RANK) and its part of the
/// machine's cores, and does the work in all of them. Rank 0 speaks for all; what goes wrong in one
/// ends them all with its exit code.
void run_together(nn::RuntimeConfig& runtime,
                  const std::function<void(const comm::Communicator& processes)>& work);

}  // namespace vragent::tools
