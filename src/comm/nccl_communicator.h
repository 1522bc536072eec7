// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Processes whose GPUs speak NCCL, one GPU each.
#pragma once

#include <memory>

#include "vragent/comm/communicator.h"

namespace vragent::comm {

/// @param processes carry the id that NCCL meets by, and what lies on the CPU; they must outlive it
/// @return null in a build without NCCL
/// @throws Error (69) naming what NCCL says
std::unique_ptr<Communicator> connect_nccl(const Communicator& processes, int device_index);

}  // namespace vragent::comm
