// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/comm/communicator.h"

#include <cstdlib>

namespace vragent::comm {
namespace {

using torch::Tensor;

class Alone final : public Communicator {
 public:
  [[nodiscard]] int rank() const override { return 0; }

  [[nodiscard]] int size() const override { return 1; }

  [[nodiscard]] int local_rank() const override { return 0; }

  [[nodiscard]] int local_size() const override { return 1; }

  void all_reduce(const Tensor&) const override {}

  [[nodiscard]] Tensor reduce_scatter(const Tensor& whole) const override { return whole; }

  [[nodiscard]] Tensor all_gather(const Tensor& part) const override { return part; }

  void broadcast(const Tensor&, int) const override {}

  void barrier() const override {}

  [[noreturn]] void abort(int exit_code) const override { std::_Exit(exit_code); }
};

}  // namespace

std::unique_ptr<Communicator> one_process() {
  return std::make_unique<Alone>();
}

const Communicator& alone() {
  static const Alone process;
  return process;
}

}  // namespace vragent::comm
