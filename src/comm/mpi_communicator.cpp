// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "comm/mpi_communicator.h"

#include <algorithm>
#include <cstdlib>

#define OMPI_SKIP_MPICXX 1  // Open MPI's C++ bindings want a library of their own
#include <mpi.h>

namespace vragent::comm {
namespace {

using torch::Tensor;

constexpr std::int64_t kChunkBytes = std::int64_t{1} << 26;  // of a message; MPI counts in int
constexpr std::int64_t kSmall = 4096;  // elements that every rank sums by itself

void check_summable(const Tensor& values) {
  const auto type = values.scalar_type();
  TORCH_CHECK(values.is_contiguous() &&
                  (type == torch::kFloat32 || type == torch::kFloat64 || type == torch::kInt64),
              "sums over processes want contiguous fp32, fp64 or int64, got ",
              type,
              " ",
              values.sizes());
}

/// parts [W, n] -> [n], added in the order of the ranks
Tensor sum_in_order(const Tensor& parts) {
  Tensor sum = parts[0].clone();
  for (std::int64_t rank = 1; rank < parts.size(0); ++rank) sum.add_(parts[rank]);
  return sum;
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator() {
    int provided = 0;  // autograd may call from a thread of its own, never two at once
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm machine = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
    MPI_Comm_rank(machine, &local_rank_);
    MPI_Comm_size(machine, &local_size_);
    MPI_Comm_free(&machine);
  }

  ~MpiCommunicator() override { MPI_Finalize(); }

  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }

  [[nodiscard]] int size() const override { return size_; }

  [[nodiscard]] int local_rank() const override { return local_rank_; }

  [[nodiscard]] int local_size() const override { return local_size_; }

  void all_reduce(const Tensor& values) const override {
    const torch::NoGradGuard no_grad;
    check_summable(values);
    Tensor flat = values.cpu().view(-1);
    if (flat.numel() <= kSmall) {
      flat = sum_in_order(all_gather(flat).view({size_, -1}));
    } else {
      const std::int64_t share = (flat.numel() + size_ - 1) / size_;
      Tensor padded = torch::zeros({share * size_}, flat.options());
      padded.narrow(0, 0, flat.numel()).copy_(flat);
      flat = all_gather(reduce_scatter(padded)).narrow(0, 0, flat.numel());
    }
    values.view(-1).copy_(flat);
  }

  [[nodiscard]] Tensor reduce_scatter(const Tensor& whole) const override {
    const torch::NoGradGuard no_grad;
    check_summable(whole);
    TORCH_CHECK(whole.numel() % size_ == 0, "reduce_scatter: ", whole.sizes(), " over ", size_);
    const Tensor parts = whole.cpu().view({size_, -1});
    const std::int64_t share = parts.size(1);
    const std::int64_t chunk = std::max<std::int64_t>(kChunkBytes / parts.element_size(), 1);
    Tensor sums = torch::empty({share}, parts.options());
    for (std::int64_t begin = 0; begin < share; begin += chunk) {
      const std::int64_t length = std::min(chunk, share - begin);
      const Tensor sent = parts.narrow(1, begin, length).contiguous();
      const Tensor received = torch::empty_like(sent);
      const int bytes = static_cast<int>(length * sent.element_size());
      MPI_Alltoall(
          sent.data_ptr(), bytes, MPI_BYTE, received.data_ptr(), bytes, MPI_BYTE, MPI_COMM_WORLD);
      sums.narrow(0, begin, length).copy_(sum_in_order(received));
    }
    return sums.to(whole.device());
  }

  [[nodiscard]] Tensor all_gather(const Tensor& part) const override {
    const torch::NoGradGuard no_grad;
    const Tensor own = part.cpu().contiguous().view(-1);
    const std::int64_t chunk = std::max<std::int64_t>(kChunkBytes / own.element_size(), 1);
    Tensor all = torch::empty({size_, own.numel()}, own.options());
    for (std::int64_t begin = 0; begin < own.numel(); begin += chunk) {
      const std::int64_t length = std::min(chunk, own.numel() - begin);
      const bool is_whole = length == own.numel();
      const Tensor received = is_whole ? all : torch::empty({size_, length}, own.options());
      const int bytes = static_cast<int>(length * own.element_size());
      MPI_Allgather(own.narrow(0, begin, length).data_ptr(),
                    bytes,
                    MPI_BYTE,
                    received.data_ptr(),
                    bytes,
                    MPI_BYTE,
                    MPI_COMM_WORLD);
      if (!is_whole) all.narrow(1, begin, length).copy_(received);
    }
    return all.view(-1).to(part.device());
  }

  void broadcast(const Tensor& values, int root) const override {
    const torch::NoGradGuard no_grad;
    TORCH_CHECK(values.is_contiguous(), "broadcast wants contiguous values");
    const Tensor host = values.cpu();
    const std::int64_t bytes = host.numel() * host.element_size();
    auto* data = static_cast<char*>(host.data_ptr());
    for (std::int64_t begin = 0; begin < bytes; begin += kChunkBytes)
      MPI_Bcast(data + begin,
                static_cast<int>(std::min(kChunkBytes, bytes - begin)),
                MPI_BYTE,
                root,
                MPI_COMM_WORLD);
    if (!values.is_cpu()) values.copy_(host);
  }

  void barrier() const override { MPI_Barrier(MPI_COMM_WORLD); }

  [[noreturn]] void abort(int exit_code) const override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  int rank_ = 0;
  int size_ = 1;
  int local_rank_ = 0;
  int local_size_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> connect_mpi() {
  return std::make_unique<MpiCommunicator>();
}

}  // namespace vragent::comm
