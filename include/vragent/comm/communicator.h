// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// Processes that train one model together: what they say to each other. Behind it stands one
// process alone, MPI, or NCCL for tensors on a GPU. Every call but those of the first line is
// collective: all processes make the same calls in the same order. Sums are taken in the order of
// the ranks (NCCL: in an order of its own, the same every time), so that the same number of
// processes gives the same bits.
#pragma once

#include <memory>

#include <torch/types.h>

namespace vragent::comm {

class Communicator {
 public:
  virtual ~Communicator() = default;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  [[nodiscard]] virtual int local_rank() const = 0;  ///< among those of the same machine
  [[nodiscard]] virtual int local_size() const = 0;

  /// Replaces the values by their sums over all processes, the same bits everywhere.
  /// @param values contiguous fp32, fp64 or int64, any shape, as in the next two
  virtual void all_reduce(const torch::Tensor& values) const = 0;

  /// whole [W*n] -> [n]: the sums of the part that belongs to this rank
  [[nodiscard]] virtual torch::Tensor reduce_scatter(const torch::Tensor& whole) const = 0;

  /// part [n] -> [W*n], the parts of all by rank; any dtype
  [[nodiscard]] virtual torch::Tensor all_gather(const torch::Tensor& part) const = 0;

  /// Replaces the values by those of one rank; contiguous, any dtype.
  virtual void broadcast(const torch::Tensor& values, int root) const = 0;

  /// Returns when all have come here.
  virtual void barrier() const = 0;

  /// Ends all processes at once, wherever they are, with this exit code. Not collective.
  [[noreturn]] virtual void abort(int exit_code) const = 0;

 protected:
  Communicator() = default;
  Communicator(const Communicator&) = default;
  Communicator& operator=(const Communicator&) = default;
};

/// One process: rank 0 of 1, which has nothing to say to anybody.
std::unique_ptr<Communicator> one_process();

/// The same for whoever only wants to use it.
const Communicator& alone();

}  // namespace vragent::comm
