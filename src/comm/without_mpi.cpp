// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "comm/mpi_communicator.h"

namespace vragent::comm {

std::unique_ptr<Communicator> connect_mpi() {
  return nullptr;
}

}  // namespace vragent::comm
